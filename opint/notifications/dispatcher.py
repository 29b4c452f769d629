"""The dispatcher: plans, sends what is due, and notes what came of it; put together, and as a thread beside other work.

Several may run on one database. Nothing is kept between turns but what is being sent: a message is claimed for a time,
so that one which a killed dispatcher was sending is sent again, under the same key.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import filter as fitting
from functools import partial

import numpy as np
import structlog

from conf.errors import SettingsError
from conf.notifications import AnyReceiver, NotificationSettings
from conf.settings import Settings
from opint.guidance import load_guidance
from opint.incidents.families import FAMILIES
from opint.notifications.picture import incident_picture
from opint.notifications.planner import Planner
from opint.notifications.receivers.registry import make_senders
from opint.notifications.receivers.sender import DeliveryError, Outgoing, Sender
from opint.notifications.refresh import Refresh
from opint.store import messages
from opint.store.engine import Store
from opint.store.errors import StoreError, StoreUnavailable
from opint.store.messages import Message

TURN_S = 0.2
"""Longest time from a change to a look at it."""

AWAY_S = 5.0
"""Pause while the database is away, or after a fault."""

MOST_AT_ONCE = 3
"""Messages that are sent to one receiver at the same time: a slow receiver keeps no other waiting."""

FIRST_PAUSE_S = 1.0
"""Longest pause before the first retry; it doubles each time."""

LONGEST_PAUSE_S = 300.0

LEASE_PHASES = 4
LEASE_MARGIN_S = 1.0
"""A message is claimed for as long as connecting, sending and two answers may take, and a little longer."""

STOP_S = 3.0
"""How long the end waits for messages on their way; what is left is sent again by the next dispatcher."""

log = structlog.get_logger()


def pause_s(attempts: int, retry_after_s: float | None, rng: np.random.Generator) -> float:
    """Seconds until the next attempt after ``attempts`` failed ones.

    Between half of a pause and all of it, so that dispatchers and messages do not come at once; never less than what
    the receiver has asked for.
    """
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 30))
    return max(float(longest * rng.uniform(0.5, 1.0)), retry_after_s or 0.0)


class Dispatcher:
    """Delivers notifications from one store; ``name`` is one that no other dispatcher has."""

    def __init__(
        self,
        store: Store,
        planner: Planner,
        senders: Mapping[str, Sender],
        name: str,
        clock: Callable[[], float],
        rng: np.random.Generator,
    ) -> None:
        """``senders`` are those of all receivers of the planner's settings, by name; ``clock`` gives s since 1970."""
        self._store = store
        self._planner = planner
        self._senders = senders
        self._name = name
        self._clock = clock
        self._rng = rng
        self._settings: NotificationSettings = planner.settings.notifications
        self._receivers: dict[str, AnyReceiver] = {receiver.name: receiver for receiver in self._settings.receivers}
        self._sending: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._refresh = Refresh(store, planner, senders, name)

    def run(self, stop: threading.Event) -> None:
        """Deliver until ``stop`` is set; what fails for a while, the database included, is tried again."""
        log.info("notifying", dispatcher=self._name, receivers=sorted(self._receivers))
        while not stop.is_set():
            pause = TURN_S
            try:
                self._wake.clear()
                if self.turn():
                    continue
            except StoreUnavailable as error:
                log.warning("notifications wait", reason=str(error))
                pause = AWAY_S
            except StoreError:
                raise
            except Exception:
                # A fault of ours must not end what judges data.
                log.exception("notifications failed")
                pause = AWAY_S
            self._wait(stop, pause)
        self._finish()

    def turn(self) -> bool:
        """Plan and send what is due now; whether there was anything to do."""
        now_s = self._clock()
        with self._store.read() as tx:
            changes, receivers = self._planner.ready(tx, now_s)
            due = messages.due_receivers(tx, now_s)
        if changes or receivers:
            with self._store.begin() as tx:
                if changes:
                    self._planner.route(tx, now_s)
                if receivers:
                    due += [name for name in receivers if self._planner.compose(tx, name, now_s)]
        sent = sum(self._send_to(name, now_s) for name in sorted(set(due)))
        self._refresh.turn(now_s)
        return changes or sent > 0

    def is_sending(self) -> bool:
        """Whether messages are on their way."""
        return self._sending.total() > 0

    def _send_to(self, name: str, now_s: float) -> int:
        """Claim what is due for a receiver and send it in threads of its own; how many messages."""
        receiver, free = self._receivers.get(name), MOST_AT_ONCE - self._sending[name]
        if free <= 0:
            return 0
        lease_s = LEASE_MARGIN_S + (0.0 if receiver is None else LEASE_PHASES * receiver.timeout_s)
        with self._store.begin() as tx:
            claimed = messages.claim(tx, self._name, name, now_s, lease_s, free)
            if receiver is None:
                for message in claimed:
                    reason = f"receiver {name!r} is not in the settings any more"
                    messages.mark_failed(tx, message.id, self._name, reason, None)
                return len(claimed)
        for message in claimed:
            with self._lock:
                self._sending[name] += 1
            threading.Thread(target=self._deliver, args=(message,), name=f"send-{message.id}", daemon=True).start()
        return len(claimed)

    def _deliver(self, message: Message) -> None:
        """Send one message and note what came of it."""
        try:
            failure = self._attempt(message)
            self._note(message, failure)
        except StoreUnavailable as error:
            # The claim ends by itself, and the message is sent again under its key.
            log.warning("a delivery could not be noted", message=message.id, reason=str(error))
        except Exception:
            log.exception("a delivery could not be noted", message=message.id)
        finally:
            with self._lock:
                self._sending[message.receiver] -= 1
            self._wake.set()

    def _attempt(self, message: Message) -> DeliveryError | None:
        picture = partial(incident_picture, self._store)
        outgoing = Outgoing(message.key, message.content, self._clock(), picture)  # type: ignore[arg-type]
        try:
            self._senders[message.receiver].send(outgoing)
        except DeliveryError as error:
            return error
        except Exception as error:
            log.exception("a sender failed", receiver=message.receiver)
            return DeliveryError(f"failed by a fault of nightshift: {type(error).__name__}")
        return None

    def _note(self, message: Message, failure: DeliveryError | None) -> None:
        now_s = self._clock()
        if failure is None:
            with self._store.begin() as tx:
                messages.mark_sent(tx, message.id, now_s)
            log.info("notified", receiver=message.receiver, message=message.id, subject=message.subject)
            return
        with self._lock:
            pause = pause_s(message.attempts, failure.retry_after_s, self._rng)
        too_late = now_s + pause - message.retried_s > self._settings.give_up_after_s
        next_s = None if failure.permanent or too_late else now_s + pause
        with self._store.begin() as tx:
            messages.mark_failed(tx, message.id, self._name, str(failure), next_s)
        what = "a message is dead" if next_s is None else "a message will be sent again"
        log.warning(what, receiver=message.receiver, message=message.id, reason=str(failure))

    def _wait(self, stop: threading.Event, pause: float) -> None:
        """Until something was sent, ``stop``, or the pause is over."""
        end = time.monotonic() + pause
        while not stop.is_set() and not self._wake.is_set() and (remaining_s := end - time.monotonic()) > 0:
            self._wake.wait(min(remaining_s, TURN_S))

    def _finish(self) -> None:
        end = time.monotonic() + STOP_S
        while self.is_sending() and time.monotonic() < end:
            time.sleep(0.02)
        for sender in self._senders.values():
            sender.close()


def make_dispatcher(
    settings: Settings, store: Store, environ: Mapping[str, str], name: str, clock: Callable[[], float]
) -> Dispatcher:
    """A dispatcher that the settings describe; raises SettingsError for what the user has to mend in them."""
    check_families(settings)
    guidance = load_guidance(settings.alerts.guidance)
    planner = Planner(
        settings, lambda incident: guidance.text_of(incident.family, incident.subsystem, incident.element_group)
    )
    senders = make_senders(settings.notifications.receivers, environ)
    return Dispatcher(store, planner, senders, name, clock, np.random.default_rng())


def check_families(settings: Settings) -> None:
    """Raise SettingsError for a pattern of a route, or of ``calls``, that fits no family of incidents."""
    names = ", ".join(sorted(FAMILIES))
    named = [
        (f"routes[{number + 1}].match.family", route.match.family)
        for number, route in enumerate(settings.notifications.routes)
    ]
    named += [
        (f"calls[{number + 1}].families", rule.families) for number, rule in enumerate(settings.notifications.calls)
    ]
    for where, patterns in named:
        for pattern in patterns:
            if not fitting(FAMILIES, pattern):
                raise SettingsError(f"notifications.{where} is {pattern!r}, which fits no family; they are {names}")


@contextmanager
def dispatching(dispatcher: Dispatcher, ended: Callable[[], None]) -> Iterator[None]:
    """Deliver in a thread inside the block.

    If the dispatcher ends by an error, ``ended`` is called, and the error is raised at the end of the block.
    """
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
