"""What the daemon does with lumisections, without broker and database: score, close, raise incidents.

The same functions as in the daemon: ``Pipeline.score``, ``dqm.core.assembly.merge``, ``Pipeline.close`` and the raise
rule of ``opint.incidents``. What the database would keep between lumisections is kept in memory.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import numpy as np
import numpy.typing as npt

from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.combination import PerCatalogue
from dqm.core.drift import Residuals, initial_centre, updated_centre
from dqm.core.state import LumisectionState
from dqm.histograms.pipeline import Pipeline
from dqm.simulate.detector import SimulatedLumisection
from opint.incidents import window
from opint.incidents.families import IncidentKey, incident_group
from opint.incidents.recurrence import certain_faults
from opint.incidents.rule import walk
from opint.store.neighbours import StoredContent
from opint.store.short_faults import StoredFault
from streams.records import LumisectionKey

LUMISECTIONS_AT_ONCE = 16

Centres = dict[int, Mapping[str, npt.NDArray[np.float32]]]
"""By run and subsystem, how far the centre of certification was shifted."""

_folders: PerCatalogue[window.Folders] = PerCatalogue(window.Folders)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What remains of one closed lumisection: verdicts and raw scores (MEs,) by subsystem and scorer.

    ``kinds`` is the fault named by the evidence of an ME, where there is any; ``faults`` are the certain ones.
    """

    key: LumisectionKey
    dataset: str
    verdicts: Mapping[str, window.StoredVerdict]
    scores: Mapping[str, Mapping[str, npt.NDArray[np.float32]]]
    kinds: Mapping[str, str]
    faults: Sequence[StoredFault] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: what it stands for, when it was raised, where it was seen, in which MEs."""

    labels: IncidentKey
    raised: LumisectionKey
    lumisections: tuple[LumisectionKey, ...]
    elements: frozenset[str]


def watch(
    pipeline: Pipeline,
    settings: DqmSettings,
    lumisections: Iterable[SimulatedLumisection],
    centres: Centres | None = None,
) -> Iterator[Judged]:
    """Judge lumisections, which come in (run, LS) order, in micro-batches.

    ``centres`` are those about which runs are certified; that of a run which is missing follows the run before and
    is put in.
    """
    centres = {} if centres is None else centres
    history: dict[str, deque[StoredContent]] = defaultdict(lambda: deque(maxlen=settings.frozen_after - 1))
    shifts: Mapping[str, npt.NDArray[np.float32]] = {
        name: initial_centre(len(pipeline.expected[name]), pipeline.numbers) for name in pipeline.followed
    }
    for run, of_run in groupby(lumisections, lambda lumisection: lumisection.key.run):
        shifts = centres.setdefault(run, shifts)
        residuals = {name: Residuals.nothing(*shift.shape[1:]) for name, shift in shifts.items()}
        adopted: set[str] = set()
        while samples := list(islice(of_run, LUMISECTIONS_AT_ONCE)):
            for dataset in {batch.dataset for item in samples for batch in item.batches} - adopted:
                pipeline.adopt(dataset, run, {}, shifts)
                adopted.add(dataset)
            states: dict[LumisectionKey, LumisectionState] = {}
            for scored in pipeline.score([batch for item in samples for batch in item.batches]):
                states[scored.key] = merge(states.get(scored.key), scored, 0.0).state
                if scored.residuals is not None:
                    residuals[scored.subsystem] += scored.residuals
            for key in sorted(states):
                closed = pipeline.close(states[key], history, 0.0, "complete")
                for name, part in closed.parts.items():
                    history[name].append(StoredContent(key, part.catalogue.digest, part.digests))
                yield summary(closed)
        for dataset in adopted:
            pipeline.drop(dataset, run)
        shifts = {name: updated_centre(shift, residuals[name]) for name, shift in shifts.items()}


def incidents(judged: Sequence[Judged], rules: AlertSettings) -> list[Incident]:
    """Incidents that the daemon would have raised, in the order of raising."""
    bad: Counter[IncidentKey] = Counter()
    for item in judged:
        for subsystem, verdict in item.verdicts.items():
            bad.update(_alarming(item.dataset, subsystem, verdict))
    results = [
        incident
        for labels, count in bad.items()
        if count >= rules.raise_bad
        for incident in _episodes(judged, labels, rules)
    ]
    return sorted(results, key=lambda incident: (incident.raised, incident.labels))


def _episodes(judged: Sequence[Judged], labels: IncidentKey, rules: AlertSettings) -> Iterator[Incident]:
    verdicts = (item.verdicts.get(labels.subsystem) for item in judged)
    observations = [verdict.observation(labels) for verdict in verdicts if verdict is not None]
    for episode in walk(observations, None, [], rules):
        keys = tuple(item.key for item in episode.observations)
        elements = frozenset(name for item in episode.observations for name in item.bad)
        yield Incident(labels, keys[rules.raise_bad - 1], keys, elements)


def _alarming(dataset: str, subsystem: str, verdict: window.StoredVerdict) -> set[IncidentKey]:
    results = set()
    for row in np.flatnonzero(verdict.families):
        family = window.FAMILY_NAMES[int(verdict.families[row])]
        results.add(
            IncidentKey(dataset, subsystem, family, incident_group(family, verdict.folders.names[row], subsystem))
        )
    return results


def summary(closed: LumisectionState) -> Judged:
    """What remains of a closed lumisection."""
    parts = closed.parts
    verdicts = {
        name: window.StoredVerdict(
            closed.key,
            _folders(part.catalogue),
            closed.verdicts[name].qualities,
            closed.verdicts[name].reasons,
            part.p_values,
            closed.model_version,
        )
        for name, part in parts.items()
    }
    return Judged(
        closed.key,
        closed.dataset,
        verdicts,
        {name: dict(zip(part.scorers, part.scores, strict=True)) for name, part in parts.items()},
        {me: evidence.kind for part in parts.values() for me, evidence in part.evidence.items()},
        certain_faults(closed),
    )
