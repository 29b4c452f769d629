"""What a reader gets: frozen records, the same for pages and for the JSON API.

Names ending in ``_s`` are seconds since 1970 (UTC); runs and lumisections are numbers, with LS 0 for a
histogram of the whole run. Fields named like a table's column mean what
:mod:`opint.store.tables` says.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dqm.core.quality import Quality

State = Literal["open", "acknowledged", "resolved"]


class Record(BaseModel):
    """Base of all records: they do not change."""

    model_config = ConfigDict(frozen=True, from_attributes=True, defer_build=True)


class Incident(Record):
    """One incident: one family of trouble in one folder of monitoring elements (MEs)."""

    id: int
    dataset: str
    subsystem: str
    family: str = Field(
        description="what it is about: content, frozen, missing, starved, shape, status, path, seed, data-lost …"
    )
    element_group: str = Field(description="the folder of monitoring elements")
    kind: str = Field(description="best guess at the fault")
    title: str
    explanation: str
    severity: str = Field(description="warning or critical")
    state: State
    first_run: int | None
    first_ls: int | None
    last_run: int | None
    last_ls: int | None
    last_seen_s: float | None = Field(
        description="when its last bad lumisection was published; null where that is not stored any more"
    )
    lumisections: int = Field(description="how many lumisections it was seen in")
    elements: int = Field(description="most monitoring elements in one lumisection")
    model_version: str
    opened_s: float
    updated_s: float
    acknowledged_s: float | None
    acknowledged_by: str | None
    resolved_s: float | None
    resolved_by: str | None


class IncidentPage(Record):
    """A page of incidents, newest first; ``next`` is the cursor of the following page, null at the end."""

    items: list[Incident]
    next: str | None


class Occurrence(Record):
    """One lumisection in which an incident was seen; ``elements`` are ME names, worst first."""

    run: int
    ls: int
    elements: list[str]
    p_value: float | None
    kind: str


class AuditEntry(Record):
    """One line of an incident's history."""

    id: int
    at_s: float
    actor: str
    action: str
    detail: str


class EvidenceKey(Record):
    """Where a piece of kept evidence is found."""

    run: int
    ls: int
    me: str
    p_value: float | None


class FeedbackView(Record):
    """What an operator said of an incident last: a true alarm or a false one."""

    verdict: Literal["true", "false-alarm"]
    actor: str
    at_s: float


class IncidentDetail(Incident):
    """An incident with its newest occurrences, its audit trail (oldest first), its evidence and its verdict."""

    feedback: FeedbackView | None
    occurrences: list[Occurrence]
    audit: list[AuditEntry]
    evidence: list[EvidenceKey]


class AxisView(Record):
    """One histogram axis; see :class:`streams.records.Axis`."""

    bins: int
    lower: float
    upper: float
    label: str = ""
    edges: list[float] | None = None
    categories: list[str] | None = None


class WorstBinView(Record):
    """One bin that speaks against the histogram; ``index`` is the flat cell number."""

    index: int
    observed: float | None
    expected: float | None
    pull: float | None


class PersistentView(Record):
    """What stays in the pulls of a map over consecutive lumisections (dqm.histograms.occupancy.shapes.persistent)."""

    lumisections: list[int] = Field(description="their numbers, in order")
    pulls: list[float] = Field(description="signed geometric mean, in standard deviations; 0 where the sign changes")


class WorstFeatureView(Record):
    """One number of a histogram that speaks against its lumisection; see :class:`dqm.core.quality.WorstFeature`."""

    name: str
    observed: float | None
    expected: float | None
    error: float | None
    share: float | None


class CertifiedView(Record):
    """What certification says of the whole subsystem; see :class:`dqm.core.quality.Certified`."""

    score: float | None
    spread: float | None = Field(description="standard deviation over the networks of the ensemble")
    p_value: float | None


class EvidenceView(Record):
    """Kept evidence of one ME in one lumisection; see :class:`dqm.core.quality.Evidence`."""

    dataset: str
    subsystem: str
    run: int
    ls: int
    me: str
    reason: str
    kind: str
    sentence: str
    p_value: float | None
    scores: dict[str, float | None] = Field(description="by scorer; greater is worse")
    axes: list[AxisView]
    counts: list[float | None]
    reference: list[float | None] = Field(description="scaled to the observed number of counts")
    pulls: list[float | None] = Field(description="signed, in standard deviations")
    entries: float | None
    expected_entries: float | None
    model_version: str
    worst_bins: list[WorstBinView]
    persistent: PersistentView | None = Field(None, description="for maps of which the lumisections before are kept")
    worst_features: list[WorstFeatureView] = Field(
        default=[], description="as certification of the whole lumisection sees it; observed and expected on the axis"
    )
    certified: CertifiedView | None = Field(None, description="None where nothing looks at the subsystem as a whole")


class Cell(Record):
    """One subsystem in one lumisection: its quality and how many MEs have which."""

    run: int
    ls: int
    quality: Quality = Field(description="0 not inspected, 1 good, 2 warning, 3 bad")
    p_value: float | None = None
    good: int = 0
    warning: int = 0
    bad: int = 0
    not_inspected: int = 0


class Strip(Record):
    """The newest lumisections of one subsystem, oldest first."""

    dataset: str
    subsystem: str
    cells: list[Cell]


class Lumisection(Record):
    """One lumisection and what the machine did; ``closed_s`` is null while it is being assembled."""

    dataset: str
    run: int
    ls: int
    conditions: dict[str, Any]
    model_version: str
    first_seen_s: float
    published_s: float
    updated_s: float
    closed_s: float | None
    closed_because: str
    revision: int


class LatestLumisections(Record):
    """The newest lumisections, newest first."""

    items: list[Lumisection]


class Run(Record):
    """One run of one dataset; ``bad`` and ``warning`` count lumisections whose worst subsystem is so."""

    dataset: str
    run: int
    lumisections: int
    last_ls: int
    first_seen_s: float
    updated_s: float
    good: int
    warning: int
    bad: int
    not_inspected: int


class RunPage(Record):
    """A page of runs, newest first."""

    items: list[Run]
    next: str | None


class SubsystemSummary(Record):
    """How many lumisections of a run one subsystem spent in each quality."""

    subsystem: str
    good: int
    warning: int
    bad: int
    not_inspected: int


class RunDetail(Record):
    """One run: its lumisections with conditions, oldest first, and its subsystems."""

    run: Run
    datasets: list[str] = Field(description="all datasets that have this run")
    subsystems: list[SubsystemSummary]
    lumisections: list[Lumisection]


class RunMap(Record):
    """Monitoring elements against lumisections of one subsystem in one run.

    Row i belongs to ``elements[i]``, column j to ``lumisections[j]``. ``qualities`` and ``reasons`` hold
    one string per row with one character per column: the number of :class:`dqm.core.quality.Quality` or
    :class:`dqm.core.quality.Reason`, a letter from ``a`` = 10 on, and ``-`` where the ME was not expected.
    """

    dataset: str
    run: int
    subsystem: str
    lumisections: list[int]
    elements: list[str]
    qualities: list[str]
    reasons: list[str]
    p_values: list[list[float | None]] = Field(description="to 3 digits; null where nothing was inspected")
    reason_names: dict[str, str] = Field(description="name of every character that ``reasons`` may hold")


class DeadLetter(Record):
    """A message that could not be used; ``preview`` shows its first bytes as text, the rest as escapes."""

    id: int
    cluster: str
    topic: str
    partition: int
    message_offset: int
    reason: str
    field: str
    detail: str
    origin: str
    preview: str
    raw_size: int
    received_s: float
    replayed_s: float | None


class DeadLetterPage(Record):
    """A page of dead letters, newest first."""

    items: list[DeadLetter]
    next: str | None


class Daemon(Record):
    """What one daemon last said of itself; ``lag`` is messages not yet delivered, by partition."""

    daemon: str
    started_s: float
    at_s: float
    state: str
    detail: str
    messages: int
    histograms: int
    lag: dict[str, int]


class Offset(Record):
    """How far one partition has been processed, and by whom."""

    cluster: str
    consumer_group: str
    topic: str
    partition: int
    next_offset: int | None
    owner: str
    updated_s: float


class Model(Record):
    """A model version that has judged something; ``manifest`` is what its bundle says of itself."""

    version: str
    name: str
    path: str
    manifest: dict[str, Any]
    first_used_s: float


class PromotionView(Record):
    """Since when which bundle judges, in place of which version (empty: none), and who has said so."""

    slot: str = Field(description="dqm.model of the settings that it stands for")
    name: str
    version: str
    previous: str
    actor: str
    note: str
    at_s: float


class AgreementView(Record):
    """Incidents of one model version, and how many of them operators have called true and false alarms."""

    model_version: str
    incidents: int
    confirmed: int
    false_alarms: int
    disagreement: float | None = Field(description="share of false alarms among those with a verdict")


class System(Record):
    """The state of the machinery, and how far operators agree with it."""

    daemons: list[Daemon]
    offsets: list[Offset]
    models: list[Model]
    promotions: list[PromotionView] = Field(description="newest first")
    agreement: list[AgreementView]
    dead_letters: int
    database: str = Field(description="dialect and server version")
    schema_version: str | None = Field(description="migration that the database stands at")
