"""A dispatcher as a thread beside other work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opint.notifications.dispatcher import Dispatcher


@contextmanager
def dispatching(dispatcher: "Dispatcher | None", ended: Callable[[], None]) -> Iterator[None]:
    """Deliver in a thread inside the block; None delivers nothing.

    If the dispatcher ends by an error, ``ended`` is called, and the error is raised at the end of the block.
    """
    if dispatcher is None:
        yield
        return
    stop, failures = threading.Event(), list[BaseException]()

    def deliver() -> None:
        try:
            dispatcher.run(stop)
        except BaseException as error:
            failures.append(error)
            ended()

    thread = threading.Thread(target=deliver, name="notifications")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]
