"""The families of faults, one entry each, and the key that makes an incident this incident and no other."""

import hashlib
import json
from dataclasses import astuple, dataclass
from enum import Enum

from opint.store.incidents import DATA_LOST, NOT_JUDGED, STALE_MODEL, STALLED

SYSTEM = "nightshift"
"""The actor of changes that no person makes."""

TRIGGER = "Trigger"
"""The subsystem of trigger rates."""

HOTLINE_RATE = "hotline-rate"
POPULARITY_DRIFT = "popularity-drift"
NEW_MESSAGE_CLASS = "new-message-class"


class Width(Enum):
    """How much of a subsystem one incident of a family stands for."""

    ELEMENT = "one monitoring element"
    FOLDER = "one folder of monitoring elements"
    SUBSYSTEM = "the whole subsystem, whatever the number of its folders"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All that is said of one family of faults.

    Attributes:
        name: as :attr:`dqm.core.quality.Reason.family`, or one of nightshift's own operation.
        noun: what the fault is called in a sentence, where no evidence names its kind.
        advice: what to look at.
        kind: the kind of fault where no evidence names one.
        width: how much one incident stands for.
        severity: the severity where it is always the same; empty where it follows from the verdicts.
        counts_elements: whether the share of bad MEs says how severe the fault is.
        bad_elements: whether certification counts the MEs of its incidents as BAD.
        place: how a title says where it is.
        trigger_width, trigger_advice: the same for trigger rates, where they differ.
        rate_title: title of an incident of trigger rates; see :func:`opint.incidents.titles.rate_title`.
        rate_label: the column "Cause" of the page of trigger rates.
    """

    name: str
    noun: str
    advice: str
    kind: str = "unknown"
    width: Width = Width.FOLDER
    severity: str = ""
    counts_elements: bool = True
    bad_elements: bool = False
    place: str = "{where}"
    trigger_width: Width | None = None
    trigger_advice: str = ""
    rate_title: str = ""
    rate_label: str = ""

    def width_in(self, subsystem: str) -> Width:
        """The width of an incident in this subsystem."""
        return self.trigger_width or self.width if subsystem == TRIGGER else self.width

    def advice_in(self, subsystem: str) -> str:
        """The advice for an incident in this subsystem."""
        return self.trigger_advice or self.advice if subsystem == TRIGGER else self.advice


_FAMILIES = (
    Family(
        name="content",
        noun="content unlike that of good lumisections",
        advice="Compare the histograms with their references and look at the bins named worst.",
        bad_elements=True,
    ),
    Family(
        name="moved",
        noun="content unlike that of good runs",
        advice="Nearly all folders changed in the same run: look at what was changed for all of them, conditions, high "
        "voltage, thresholds or software. If this is how it is from now on, accept it as the new reference.",
        bad_elements=True,
        width=Width.SUBSYSTEM,
        place="{where} moved as a whole",
    ),
    Family(
        name="frozen",
        noun="frozen content",
        advice="The content is the same bin by bin as before: look at whether the source still fills and publishes it.",
        kind="stuck",
        bad_elements=True,
        trigger_width=Width.SUBSYSTEM,
        trigger_advice="The rates are those of the lumisections before: look at whether the counters are still "
        "read out.",
        rate_title="Trigger rates stuck: {count} repeat digit by digit",
        rate_label="stuck",
    ),
    Family(
        name="missing",
        noun="no data",
        advice="Expected and not delivered: look at the producer of this subsystem and at the readout.",
        kind="missing",
        trigger_width=Width.SUBSYSTEM,
        trigger_advice="Expected and not published: is the menu another than the model knows? "
        "If not, look at the publisher.",
        rate_title="Trigger rates missing: {count} were not published",
        rate_label="missing",
    ),
    Family(
        name="starved",
        noun="too few entries",
        advice="Fewer entries than under the same conditions before, or than its siblings have: look at trigger, "
        "readout and masks.",
        kind="low-statistics",
        bad_elements=True,
    ),
    Family(
        name="overfull",
        noun="too many entries",
        advice="More entries than under the same conditions before, or than its siblings have: look at noise, "
        "thresholds and prescales, and at whether histograms are filled twice.",
        kind="high-statistics",
        bad_elements=True,
    ),
    Family(
        name="shape",
        noun="axes unlike those of the model",
        advice="The axes differ from those the model was trained on: was the booking changed? Train anew if so.",
    ),
    Family(
        name="status",
        noun="content that contradicts the detector status",
        advice="Full although declared off, or empty although declared ready: compare status bits and hardware.",
        kind="status",
        width=Width.SUBSYSTEM,
    ),
    Family(
        name="path",
        noun="a rate that moved by itself",
        advice="Its seed and the paths beside it did not move: look at this path's filters, thresholds and prescale.",
        kind="path",
        width=Width.ELEMENT,
        # With many counts the smallest change of one path is unlikely, and all others record what they should.
        severity="warning",
        rate_title="{path}: {moved}{change}{seed_unmoved}",
        rate_label="one rate",
    ),
    Family(
        name="seed",
        noun="rates that moved together",
        advice="Its paths moved with it: look at the L1 seed, its prescale, and the detector that feeds it.",
        kind="seed",
        # All of its rates are bad, however small the change.
        counts_elements=False,
        rate_title="{group}: {count} rates moved together{change}",
        rate_label="seed",
    ),
    Family(
        name="several-rates",
        noun="several rates that moved together",
        advice="They began to move in the same lumisections: look at what they have in common, at beam and "
        "background, at the detector that feeds them, and at their prescales.",
        kind="several-rates",
        width=Width.SUBSYSTEM,
        # As of one path.
        severity="warning",
        rate_title="{paths} moved together{change}, {count}",
        rate_label="several rates",
    ),
    Family(
        name="all-rates",
        noun="all rates moved",
        advice="All seeds moved alike: look at beam, luminosity calibration and dead time, not at single paths.",
        kind="all-rates",
        width=Width.SUBSYSTEM,
        # Whatever is recorded meanwhile has to be corrected for it, or is lost.
        severity="critical",
        rate_title="All trigger rates moved together{change}, {count}",
        rate_label="all rates",
    ),
    Family(
        name="prescales",
        noun="rates of another prescale column",
        advice="Compare the prescale column that is declared with the one that is loaded at L1 and HLT.",
        kind="prescales",
        width=Width.SUBSYSTEM,
        severity="critical",
        rate_title="Rates as of {column}{declared}, {count} differ",
        rate_label="prescales",
    ),
    Family(
        name=DATA_LOST,
        noun="lost messages",
        advice="They were deleted on the broker before they were read, so the lumisections in them were never judged. "
        "Look at the broker's retention, and at how long the daemon was away or behind; publish the data again if "
        "they exist elsewhere.",
        severity="critical",
    ),
    Family(
        name=STALLED,
        noun="a stalled stream",
        advice="Messages wait on the broker and this daemon gets none of them: look at the leader of the partition, "
        "at the daemon's log and at /healthz. Lumisections that are spread over partitions are closed without these "
        "parts.",
        severity="critical",
    ),
    Family(
        name=STALE_MODEL,
        noun="an old model",
        advice="The detector and its conditions have moved on since: faults are missed and good data are called bad. "
        "Train on recent good lumisections (nightshift train {stream}), or raise dqm.oldest_model_days if it still "
        "fits.",
        severity="warning",
    ),
    Family(
        name=NOT_JUDGED,
        noun="lumisections that could not be judged",
        advice="Judging them failed by a fault of nightshift, so nothing is known of them and they are not certified. "
        "The daemon's log has the traceback: report it. Once the fault is mended, judge their data again from files "
        "(nightshift score).",
        severity="critical",
    ),
    Family(
        name=HOTLINE_RATE,
        noun="a kept rate other than the declared one",
        advice="The detector has changed more than the hotline can follow, or the events on the topic are others. "
        "Look at what is unusual about the kept events; if this is how events are from now on, train again: "
        "nightshift train hotline.",
        severity="warning",
    ),
    Family(
        name=POPULARITY_DRIFT,
        noun="forecasts that have fallen behind",
        advice="Until a scoreboard in which the model has recovered, forecasts of this tier are those of persistence: "
        "what was popular stays so. Look at the tier on the page Popularity: was it introduced or given up, or has "
        "its use changed?",
        severity="warning",
    ),
    Family(
        name=NEW_MESSAGE_CLASS,
        noun="a new kind of error message",
        advice="Jobs of failing workflows say something that none has said before: look at the tasks that give this "
        "message on the page Workflows, and whether they share a site, a release or a campaign.",
        severity="warning",
    ),
)

FAMILIES = {family.name: family for family in _FAMILIES}

KIND_NOUNS = {
    "dead": "dead channels",
    "hot": "hot channels",
    "noisy": "noisy channels",
    "shift": "a shifted distribution",
    "gain": "a changed gain",
    "swap": "swapped channels",
    "stuck": "frozen content",
    "missing": "no data",
    "low-statistics": "too few entries",
    "high-statistics": "too many entries",
    "pattern": "a pattern unlike that of good lumisections",
    "status": "content that contradicts the detector status",
}
"""What a fault is called in a sentence, by the kind that the evidence names."""


@dataclass(frozen=True, slots=True, order=True)
class IncidentKey:
    """Identity of an incident: ``family`` is the name of one of FAMILIES, ``group`` the folder of MEs.

    ``group`` is empty for a family that is as wide as the subsystem, and the name of the ME for one as wide as an ME.
    ``recurring_run`` is the run whose short faults it stands for (opint.incidents.recurrence), None for others.
    """

    dataset: str
    subsystem: str
    family: str
    group: str
    recurring_run: int | None = None


def fingerprint(key: IncidentKey) -> str:
    """SHA-256 of the key and of nothing else: the same in all processes and releases, whatever the scores."""
    parts = astuple(key) if key.recurring_run is not None else astuple(key)[:-1]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def incident_group(family: str, me: str, subsystem: str) -> str:
    """The ``group`` of the key under which a verdict on the ME of this name counts."""
    match FAMILIES[family].width_in(subsystem):
        case Width.SUBSYSTEM:
            return ""
        case Width.ELEMENT:
            return me
        case Width.FOLDER:
            return me.rpartition("/")[0]
