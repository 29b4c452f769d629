"""Our incidents and silences as Alertmanager's API v2 gives its own, to be read by karma, Grafana and amtool.

Active incidents are alerts; those that are silenced, follow from another or are quiet in this machine mode are
*suppressed*. Nothing can be posted here. The form is that of Alertmanager's api/v2/openapi.yaml. karma reads a release
in /metrics (opint/dashboard/health.py), then status, silences and groups. Grafana does without the release, and takes
the configuration in the status apart, which must have a route and a receiver therefore.
"""

import re
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from conf.settings import Settings
from opint.dashboard.api import UNAVAILABLE
from opint.guidance.folder import GuidanceFolder
from opint.notifications import causes, silencing, subject
from opint.notifications.content import Item, incident_content
from opint.notifications.receivers.alertmanager import annotations, labels, rfc3339
from opint.store import notices
from opint.store.engine import Store
from opint.store.silences import StoredSilence

API_VERSION = "0.25.0"
"""The release of Alertmanager whose API is served: its clients compare it with their own."""

MOST_FILTERS = 50
VALID_S = 300.0
"""Alerts are said to end so long after they were asked for, unless they are asked for again."""

_FILTER = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*')
Filters = Annotated[
    list[str] | None, Query(max_length=MOST_FILTERS, description='matchers such as `severity="critical"`')
]


class Receiver(BaseModel):
    """A receiver that was called."""

    name: str


class AlertStatus(BaseModel):
    """Whether the alert calls, and what keeps it from that."""

    state: str = Field(description="active or suppressed")
    silencedBy: list[str]  # noqa: N815 - names of Alertmanager, also below
    inhibitedBy: list[str]  # noqa: N815
    mutedBy: list[str] = []  # noqa: N815


class Alert(BaseModel):
    """An incident as an alert."""

    annotations: dict[str, str]
    labels: dict[str, str]
    startsAt: str  # noqa: N815
    endsAt: str  # noqa: N815
    updatedAt: str  # noqa: N815
    generatorURL: str  # noqa: N815
    fingerprint: str
    receivers: list[Receiver]
    status: AlertStatus


class AlertGroup(BaseModel):
    """Alerts of one family in one subsystem."""

    labels: dict[str, str]
    receiver: Receiver
    alerts: list[Alert]


def router(store: Store, settings: Settings, guidance: GuidanceFolder, clock: Callable[[], float]) -> APIRouter:
    """The routes below /api/v2."""
    routes = APIRouter(prefix="/api/v2", tags=["alertmanager"], responses=UNAVAILABLE)

    def chosen(active: bool, silenced: bool, inhibited: bool, wanted_labels: list[str] | None) -> list[Alert]:
        keep = _label_filter(wanted_labels or [])
        with store.read() as tx:
            alerts = _alerts(tx, settings, guidance, clock())
        return [
            alert
            for alert in alerts
            if keep(alert.labels)
            and (active or alert.status.state != "active")
            and (silenced or not alert.status.silencedBy)
            and (inhibited or not alert.status.inhibitedBy)
        ]

    @routes.get("/alerts")
    def list_alerts(
        active: bool = True,
        silenced: bool = True,
        inhibited: bool = True,
        filters: Annotated[Filters, Query(alias="filter")] = None,
    ) -> list[Alert]:
        """Active incidents, newest first."""
        return chosen(active, silenced, inhibited, filters)

    @routes.get("/alerts/groups")
    def list_groups(
        active: bool = True,
        silenced: bool = True,
        inhibited: bool = True,
        filters: Annotated[Filters, Query(alias="filter")] = None,
    ) -> list[AlertGroup]:
        """The same, by family and subsystem."""
        groups: dict[tuple[str, str], list[Alert]] = {}
        for alert in chosen(active, silenced, inhibited, filters):
            groups.setdefault((alert.labels["alertname"], alert.labels.get("subsystem", "")), []).append(alert)
        return [
            AlertGroup(
                labels={"alertname": name} | ({"subsystem": subsystem} if subsystem else {}),
                receiver=Receiver(name="nightshift"),
                alerts=alerts,
            )
            for (name, subsystem), alerts in sorted(groups.items())
        ]

    def running_silences() -> list[dict[str, Any]]:
        now_s = clock()
        with store.read() as tx:
            return [_silence(each.stored, now_s) for each in silencing.load(tx, now_s)]

    @routes.get("/silences")
    def list_silences() -> list[dict[str, Any]]:
        """Silences that run."""
        return running_silences()

    @routes.get("/silence/{number}")
    def get_silence(number: str) -> dict[str, Any]:
        """One silence that runs; 404 if there is none of this number."""
        silence = next((each for each in running_silences() if each["id"] == number), None)
        if silence is None:
            raise HTTPException(404, f"No silence {number[:20]} runs.")
        return silence

    @routes.get("/receivers")
    def list_receivers() -> list[Receiver]:
        """Names of the receivers in the settings."""
        return [Receiver(name=receiver.name) for receiver in settings.notifications.receivers]

    @routes.get("/status")
    def get_status() -> dict[str, Any]:
        """What Alertmanager says of itself; there is no cluster here."""
        release = {"version": API_VERSION, "revision": f"nightshift {version('nightshift')}", "branch": ""}
        return {
            "cluster": {"status": "disabled", "peers": []},
            "versionInfo": release | {"buildUser": "", "buildDate": "", "goVersion": ""},
            "config": {"original": yaml.safe_dump(_configuration(settings), sort_keys=False)},
            "uptime": rfc3339(clock()),
        }

    return routes


def _alerts(tx: Connection, settings: Settings, guidance: GuidanceFolder, now_s: float) -> list[Alert]:
    active = subject.active(tx)
    silences, cause_by_incident = silencing.load(tx, now_s), causes.load(tx, active, settings)
    receivers = notices.receivers_of(tx, [active_subject.incident.id for active_subject in active])
    alerts = []
    for active_subject in reversed(active):
        incident = active_subject.incident
        text = guidance.text_of(incident.family, incident.subsystem, incident.element_group)
        content = incident_content(Item(active_subject, (), guidance=text), settings.page_url)
        silence = silencing.hiding(silences, active_subject, now_s)
        cause, quiet = cause_by_incident.get(incident.id), causes.quiet_reason(active_subject, settings)
        inhibitors = ([cause.text] if cause is not None else []) + ([quiet] if quiet else [])
        state = "suppressed" if silence is not None or inhibitors else "active"
        alerts.append(
            Alert(
                annotations=annotations(content),
                labels=labels(content),
                startsAt=rfc3339(incident.opened_s),
                endsAt=rfc3339(now_s + VALID_S),
                updatedAt=rfc3339(incident.updated_s),
                generatorURL=content["url"],
                fingerprint=f"{incident.id:016x}",
                receivers=[Receiver(name=name) for name in receivers.get(incident.id, ())]
                or [Receiver(name="nightshift")],
                status=AlertStatus(
                    state=state,
                    silencedBy=[] if silence is None else [str(silence.stored.id)],
                    inhibitedBy=inhibitors,
                ),
            )
        )
    return alerts


def _silence(stored: StoredSilence, now_s: float) -> dict[str, Any]:
    return {
        "id": str(stored.id),
        "status": {"state": "active"},
        "createdBy": stored.actor,
        "comment": stored.reason,
        "startsAt": rfc3339(stored.created_s),
        "endsAt": rfc3339(stored.ends_s or now_s + VALID_S),
        "updatedAt": rfc3339(stored.created_s),
        "matchers": [
            {
                "name": "alertname" if key == "family" else key,
                "value": "|".join(_regular(pattern, inner=key == "folder") for pattern in patterns),
                "isRegex": True,
                "isEqual": True,
            }
            for key, patterns in stored.match.items()
        ],
    }


def _regular(pattern: str, *, inner: bool) -> str:
    """A shell pattern as the regular expression that Alertmanager knows; ``inner``: folders in it fit as well."""
    wild = {"*": ".*", "?": "."}
    return "".join(wild.get(letter) or re.escape(letter) for letter in pattern) + ("(/.*)?" if inner else "")


def _configuration(settings: Settings) -> dict[str, Any]:
    """The receivers by name; how they are reached, and when, stays here."""
    names = [receiver.name for receiver in settings.notifications.receivers] or ["nightshift"]
    return {"route": {"receiver": names[0]}, "receivers": [{"name": name} for name in names]}


def _label_filter(texts: Sequence[str]) -> Callable[[dict[str, str]], bool]:
    """Whether labels fit all matchers; raises HTTPException 400 for what is none, and for regular expressions.

    Those of strangers can keep a process busy for ever.
    """
    parsed = []
    for text in texts:
        match = _FILTER.fullmatch(text[:1000])
        if match is None or match[2] in ("=~", "!~"):
            raise HTTPException(
                400, f'filter {text[:80]!r}: write NAME="VALUE" or NAME!="VALUE"; no regular expressions'
            )
        parsed.append((match[1], match[2] == "=", match[3]))
    return lambda have: all((have.get(name, "") == value) == equal for name, equal, value in parsed)
