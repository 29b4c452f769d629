"""Our incidents and silences as Alertmanager's API v2 gives its own, to be read by karma, Grafana and amtool.

Active incidents are alerts; those that are silenced, follow from another or are quiet in this machine mode are
*suppressed*. Nothing can be posted here. The form is that of Alertmanager's api/v2/openapi.yaml. karma reads a release
in /metrics (opint/dashboard/health.py), then status, silences and groups. Grafana does without the release, and takes
the configuration in the status apart, which must have a route and a receiver therefore.
"""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from importlib.metadata import version
from typing import Annotated, Any

import re2
import yaml
from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from conf.settings import Settings
from opint.dashboard.api import UNAVAILABLE
from opint.guidance import GuidanceFolder
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

MOST_PATTERN = 1000
"""Letters of a matcher."""

_FILTER = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*')


class Selection(BaseModel):
    """Which alerts are asked for."""

    active: bool = True
    silenced: bool = True
    inhibited: bool = True
    filter: list[str] = Field([], max_length=MOST_FILTERS, description='matchers such as `severity=~"crit.*"`')
    receiver: str = Field(".*", max_length=MOST_PATTERN, description="regular expression of the names of receivers")


Selected = Annotated[Selection, Query()]


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

    def chosen(selection: Selection) -> list[Alert]:
        fits, is_receiver = _label_filter(selection.filter), _regular_expression("receiver", selection.receiver)
        with store.read() as tx:
            alerts = _alerts(tx, settings, guidance, clock())
        return [
            alert
            for alert in alerts
            if fits(alert.labels)
            and any(is_receiver(receiver.name) for receiver in alert.receivers)
            and (selection.active or alert.status.state != "active")
            and (selection.silenced or not alert.status.silencedBy)
            and (selection.inhibited or not alert.status.inhibitedBy)
        ]

    @routes.get("/alerts")
    def list_alerts(selection: Selected) -> list[Alert]:
        """Active incidents, newest first."""
        return chosen(selection)

    @routes.get("/alerts/groups")
    def list_groups(selection: Selected) -> list[AlertGroup]:
        """The same, by family and subsystem."""
        groups: dict[tuple[str, str], list[Alert]] = {}
        for alert in chosen(selection):
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
    # Python writes (?s:…)\Z around it, and atomic groups, which RE2 does not have nor need.
    expression = translate(pattern).removeprefix("(?s:")[: -len(r")\Z")].replace("(?>", "(?:")
    return expression + ("(/.*)?" if inner else "")


def _configuration(settings: Settings) -> dict[str, Any]:
    """The receivers by name; how they are reached, and when, stays here."""
    names = [receiver.name for receiver in settings.notifications.receivers] or ["nightshift"]
    return {"route": {"receiver": names[0]}, "receivers": [{"name": name} for name in names]}


def _label_filter(texts: Sequence[str]) -> Callable[[dict[str, str]], bool]:
    """Whether labels fit all matchers; raises HTTPException 400 for what is none."""
    tests: list[tuple[str, bool, Callable[[str], Any]]] = []
    for text in texts:
        match = _FILTER.fullmatch(text) if len(text) <= MOST_PATTERN else None
        if match is None:
            raise HTTPException(400, f'filter {text[:80]!r}: write NAME="VALUE", with =, !=, =~ or !~')
        name, operator, value = match.groups()
        fits = _regular_expression(name, value) if "~" in operator else value.__eq__
        tests.append((name, operator in ("=", "=~"), fits))
    return lambda labels: all(bool(fits(labels.get(name, ""))) == equal for name, equal, fits in tests)


def _regular_expression(name: str, text: str) -> Callable[[str], Any]:
    """Whether a whole text fits; RE2, as in Alertmanager, takes linear time for expressions of strangers."""
    options = re2.Options()
    options.log_errors = False
    try:
        fits: Callable[[str], Any] = re2.compile(text, options).fullmatch
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")
        raise HTTPException(400, f"{name} {text[:80]!r}: {reason}") from None
    return fits
