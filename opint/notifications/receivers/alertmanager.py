"""Alertmanager's API v2: its routes, silences and receivers then apply.

Alertmanager takes an alert that is not posted again for resolved once ``endsAt`` has passed. So what is active is
posted again every ``refresh_s`` (:class:`opint.notifications.dispatcher.Dispatcher`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from conf.notifications import AlertmanagerReceiver
from opint.notifications.content import IncidentContent
from opint.notifications.receivers.sender import Outgoing
from opint.notifications.receivers.webhook import HttpClient

MISSED_REFRESHES = 4
"""An alert ends by itself when so many posts in a row have not come."""

TEST_LABELS = {"alertname": "nightshift-test", "severity": "none"}


class AlertmanagerSender:
    """Posts incidents as alerts."""

    def __init__(self, settings: AlertmanagerReceiver, secret: str) -> None:
        """``secret`` is a bearer token, if it asks for one; raises SettingsError as :class:`HttpClient`."""
        url = settings.url.rstrip("/") + "/api/v2/alerts"
        self._client = HttpClient(url, settings.timeout_s, settings.ca_file)
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self._valid_s = MISSED_REFRESHES * settings.refresh_s

    def send(self, outgoing: Outgoing) -> None:
        """As :class:`opint.notifications.receivers.sender.Sender`."""
        incidents = outgoing.content["incidents"]
        alerts = posted_alerts(incidents, outgoing.now_s, self._valid_s) if incidents else [_test_alert(outgoing)]
        self._client.post(orjson.dumps(alerts), self._headers | {"Idempotency-Key": outgoing.key})

    def close(self) -> None:
        """As :class:`opint.notifications.receivers.sender.Sender`."""
        self._client.close()


def posted_alerts(incidents: Sequence[IncidentContent], now_s: float, valid_s: float) -> list[dict[str, Any]]:
    """Incidents in the form that ``POST /api/v2/alerts`` takes; what is active is valid for ``valid_s``."""
    return [
        {
            "labels": labels(incident),
            "annotations": annotations(incident),
            "startsAt": rfc3339(incident["opened_s"]),
            "endsAt": rfc3339(now_s + valid_s if incident["resolved_s"] is None else incident["resolved_s"]),
            "generatorURL": incident["url"],
        }
        for incident in incidents
    ]


def labels(incident: IncidentContent) -> dict[str, str]:
    """What makes the alert this alert; Alertmanager takes empty labels for missing ones."""
    named = {
        "alertname": incident["family"],
        "incident": str(incident["id"]),
        "severity": incident["severity"],
        "dataset": incident["dataset"],
        "subsystem": incident["subsystem"],
        "folder": incident["folder"],
    }
    return {name: value for name, value in named.items() if value}


def annotations(incident: IncidentContent) -> dict[str, str]:
    """What it says."""
    texts = {"summary": incident["title"], "description": incident["explanation"], "guidance": incident["guidance"]}
    return {name: value for name, value in texts.items() if value}


def rfc3339(seconds: float) -> str:
    """A time with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _test_alert(outgoing: Outgoing) -> dict[str, Any]:
    """An alert that is over at once."""
    return {
        "labels": TEST_LABELS,
        "annotations": {"summary": outgoing.content["text"]},
        "startsAt": rfc3339(outgoing.now_s),
        "endsAt": rfc3339(outgoing.now_s + 1.0),
    }
