"""What an Alertmanager must hear again and again, or it takes an alert for resolved: what is active and was called."""

import threading
import time
from collections.abc import Mapping

import structlog
from sqlalchemy import Connection

from conf.notifications import AlertmanagerReceiver
from opint.notifications import causes, content, silencing, subject
from opint.notifications.content import Item, MessageContent
from opint.notifications.planner import Planner
from opint.notifications.receivers.sender import DeliveryError, Outgoing, Sender
from opint.store import notices
from opint.store.engine import Store

log = structlog.get_logger()


class Refresh:
    """Posts again what is active to the Alertmanagers among the receivers, each every ``refresh_s``."""

    def __init__(self, store: Store, planner: Planner, senders: Mapping[str, Sender], dispatcher: str) -> None:
        """``dispatcher`` is the name of the one that posts; the others as of :class:`Dispatcher`."""
        self._store = store
        self._planner = planner
        self._senders = senders
        self._key = f"refresh-{dispatcher}"
        receivers = planner.settings.notifications.receivers
        self._every = {each.name: each.refresh_s for each in receivers if isinstance(each, AlertmanagerReceiver)}
        self._posted: dict[str, float] = {}

    def turn(self, now_s: float) -> None:
        """Post to those whose time has come, each in a thread of its own."""
        now = time.monotonic()
        for name, every_s in self._every.items():
            if now - self._posted.get(name, float("-inf")) < every_s:
                continue
            self._posted[name] = now
            with self._store.read() as tx:
                active = self._active(tx, name, now_s)
            if active["incidents"]:
                args = name, Outgoing(self._key, active, now_s)
                threading.Thread(target=self._post, args=args, name=f"refresh-{name}", daemon=True).start()

    def _post(self, name: str, outgoing: Outgoing) -> None:
        try:
            self._senders[name].send(outgoing)
        except DeliveryError as error:
            log.warning("alerts could not be posted again", receiver=name, reason=str(error))
        except Exception:
            log.exception("a sender failed", receiver=name)

    def _active(self, tx: Connection, receiver: str, now_s: float) -> MessageContent:
        """For what the receiver was called, without what is silenced, follows from another or is quiet by now."""
        planner, active = self._planner, subject.active(tx)
        called = notices.called(tx, receiver, [each.incident.id for each in active])
        silences, cause_by_incident = silencing.load(tx, now_s), causes.load(tx, active, planner.settings)
        items = [
            Item(each, (), guidance=planner.guidance(each.incident))
            for each in active
            if each.incident.id in called
            and each.incident.id not in cause_by_incident
            and silencing.hiding(silences, each, now_s) is None
            and not causes.quiet_reason(each, planner.settings)
        ]
        incidents = [content.incident_content(item, planner.settings.page_url) for item in items]
        return MessageContent(version=1, subject="", text="", incidents=incidents)
