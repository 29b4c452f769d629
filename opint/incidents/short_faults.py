"""What one lumisection shows for certain: folders that are recorded where no incident stands for them. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from dqm.core.quality import SPEAK_FOR_THEMSELVES, Reason
from dqm.core.state import LumisectionState, SubsystemScores, SubsystemVerdict
from opint.incidents.families import FAMILIES, KIND_NOUNS, IncidentKey, fingerprint, incident_group
from opint.incidents.window import FAMILY_NAMES, FAMILY_OF, MOST_NAMED, Folders
from opint.store.occurrences import NAMELESS_KINDS
from opint.store.short_faults import ShortFault, StoredFault

_NEEDS_NO_P_VALUE = np.zeros(256, dtype=np.bool_)
_NEEDS_NO_P_VALUE[sorted(SPEAK_FOR_THEMSELVES)] = True
_HAS_THRESHOLD = np.zeros(256, dtype=np.bool_)
_HAS_THRESHOLD[[Reason.DEVIATES, Reason.PATH_MOVED, Reason.SEVERAL_MOVED]] = True


def certain_faults(state: LumisectionState) -> list[StoredFault]:
    """The certain faults of a closed lumisection; none of a whole run (LS 0), which raises an incident at once.

    Certain is what is bad for a reason that needs no p-value, and content and rates at the threshold for one
    lumisection (:attr:`dqm.core.state.SubsystemVerdict.certain`). Rates that are judged with their seeds have no such
    threshold.
    """
    if state.key.ls == 0:
        return []
    return [
        fault
        for subsystem, verdict in state.verdicts.items()
        for fault in _of_subsystem(state, subsystem, state.parts[subsystem], verdict)
    ]


def sentence(fault: ShortFault) -> str:
    """Where, what and how much of it, for a list of those of one lumisection or run."""
    where = fault.element_group or fault.subsystem
    if fault.subsystem not in where:
        where = f"{fault.subsystem} {where}"
    what = KIND_NOUNS.get(fault.kind, FAMILIES[fault.family].noun)
    p_value = "" if fault.p_value is None else f" (p = {fault.p_value:.2g})"
    elements = f"{len(fault.elements)} of {fault.size} monitoring element{'s' * (fault.size != 1)}"
    return f"{where}: {what} in {elements}{p_value}"


def _of_subsystem(
    state: LumisectionState, subsystem: str, part: SubsystemScores, verdict: SubsystemVerdict
) -> Iterator[StoredFault]:
    families = FAMILY_OF[verdict.reasons]
    alarming = np.flatnonzero(families)
    if not len(alarming):
        return
    elements, names = part.catalogue.elements, part.catalogue.names
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    certain: set[tuple[str, str]] = set()
    for row in alarming[np.argsort(part.p_values[alarming], kind="stable")]:
        family = FAMILY_NAMES[int(families[row])]
        place = family, incident_group(family, names[row], subsystem)
        rows[place].append(int(row))
        reason = verdict.reasons[row]
        if _NEEDS_NO_P_VALUE[reason] or (_HAS_THRESHOLD[reason] and elements[row].group in verdict.certain):
            certain.add(place)
    folders = Folders(part.catalogue) if certain else None
    for family, group in sorted(certain):
        incident_key = IncidentKey(state.dataset, subsystem, family, group)
        bad, of = rows[family, group], None if folders is None else folders.of(incident_key)
        p_values = part.p_values[bad]
        finite = p_values[np.isfinite(p_values)]
        kinds = Counter(
            evidence.kind
            for row in bad
            if (evidence := part.evidence.get(names[row])) is not None and evidence.kind not in NAMELESS_KINDS
        )
        yield StoredFault(
            dataset=state.dataset,
            key=state.key,
            fingerprint=fingerprint(incident_key),
            subsystem=subsystem,
            family=family,
            element_group=group,
            elements=tuple(names[row] for row in bad[:MOST_NAMED]),
            size=0 if of is None else len(of),
            p_value=float(finite.min()) if finite.size else None,
            kind=next((kind for kind, _ in kinds.most_common(1)), FAMILIES[family].kind),
            model_version=state.model_version,
        )
