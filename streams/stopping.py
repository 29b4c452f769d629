"""Signals that ask a process to end, made into an event.

A Python handler runs inside whatever the main thread is doing. Where that is ``threading.Event.wait``, it
holds the lock that ``Event.set`` needs, and the process would never end; where the signal comes just before
a wait begins, the handler would run only after it. So handlers do nothing here: the interpreter writes the
number of each signal to a pipe (``signal.set_wakeup_fd``), and a thread that reads the pipe sets the event.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_CLOSED = 0
"""What is written to the pipe to end its reader; no signal has this number."""


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; for the main thread, and the handlers of before are put back."""
    stop = threading.Event()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    reader = threading.Thread(target=_read, args=(reading, stop), name="signals", daemon=True)
    reader.start()
    descriptor = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(descriptor)
        os.write(writing, bytes([_CLOSED]))
        reader.join()
        os.close(writing)
        os.close(reading)


def _read(pipe: int, stop: threading.Event) -> None:
    while (number := os.read(pipe, 1)[0]) != _CLOSED:
        if number in SIGNALS:
            stop.set()
