"""What becomes of a notice that is due: it is sent, held back for a while, or settled, with the reason. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opint.notifications.causes import IncidentCause
from opint.notifications.silencing import Silence, hiding
from opint.notifications.subject import Subject
from opint.store.incidents import Incident
from opint.store.notices import Notice, Outcome
from opint.wording import iso

LOOK_AGAIN_S = 15.0
"""After so long it is asked again whether what holds a notice back still does."""


@dataclass(frozen=True, slots=True)
class NoticeDecision:
    """The outcome and why; ``due_s`` is when to decide again, None if that is settled."""

    outcome: Outcome
    reason: str
    due_s: float | None = None
    silence: int | None = None
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What decisions about one receiver's notices look at.

    ``causes`` and ``quiet`` say by incident what it follows from and why it calls nobody in this machine mode;
    ``called`` are the incidents for which the receiver has been called.
    """

    now_s: float
    subjects: Mapping[int, Subject]
    silences: Sequence[Silence]
    causes: Mapping[int, IncidentCause]
    quiet: Mapping[int, str]
    called: frozenset[int] = field(default_factory=frozenset)


def decide(notice: Notice, situation: Situation) -> NoticeDecision:  # noqa: PLR0911 - a rule each
    """What becomes of a notice."""
    subject, now_s = situation.subjects[notice.incident_id], situation.now_s
    incident = subject.incident
    over = incident.state == "resolved"
    if notice.purpose == "end":
        return _decide_end(notice, incident, situation)
    # Nobody is woken for what has passed; the page and the hand-over have it.
    if over:
        return NoticeDecision("over", f"was over before anybody was called: resolved by {incident.resolved_by}")
    if incident.state == "acknowledged" and _answers(incident, notice):
        return NoticeDecision("acknowledged", f"{incident.acknowledged_by} acknowledged it")
    if (silence := hiding(situation.silences, subject, now_s)) is not None:
        ends_s = silence.stored.ends_s
        until = "it is resolved" if ends_s is None else iso(ends_s)
        reason = (
            f"silence {silence.stored.id} of {silence.stored.actor} hides it until {until}: {silence.stored.reason}"
        )
        return NoticeDecision("silenced", reason, ends_s or now_s + LOOK_AGAIN_S, silence=silence.stored.id)
    if (cause := situation.causes.get(incident.id)) is not None:
        return NoticeDecision("follows", f"follows from {cause.text}", now_s + LOOK_AGAIN_S, parent=cause.incident)
    if why := situation.quiet.get(incident.id, ""):
        return NoticeDecision("quiet", why, now_s + LOOK_AGAIN_S)
    return NoticeDecision("sent", _sent_reason(notice))


def _decide_end(notice: Notice, incident: Incident, situation: Situation) -> NoticeDecision:
    if incident.state != "resolved":
        return NoticeDecision("over", "goes on again")
    if notice.incident_id not in situation.called:
        return NoticeDecision("never-called", "ended, and nobody had been called here")
    return NoticeDecision("sent", "ended")


def _answers(incident: Incident, notice: Notice) -> bool:
    """Whether the acknowledgement answers this notice: repetitions and escalations always, a call if it came first."""
    return notice.purpose != "call" or (incident.acknowledged_s or 0.0) >= notice.at_s


def _sent_reason(notice: Notice) -> str:
    route = f"by route {notice.route!r}"
    match notice.purpose:
        case "repeat":
            return f"goes on and nobody has acknowledged it, {route}"
        case "escalation":
            return f"nobody has acknowledged it in time, {route}"
        case _:
            return route
