"""What people on shift read of an incident: title, explanation, advice, severity.

Incidents of trigger rates have titles as a trigger expert would write them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from dqm.core.quality import Reason
from opint.incidents.families import FAMILIES, KIND_NOUNS, IncidentKey
from opint.incidents.rule import Observation
from opint.incidents.window import Folders
from opint.store.evidence import Hint
from opint.store.occurrences import NAMELESS_KINDS
from opint.store.trigger_rates import LumisectionRates
from streams.records import LumisectionKey

CRITICAL_SHARE = 0.5
"""Share of a folder's MEs, bad in one lumisection, from which an incident is critical."""

CRITICAL_P_VALUE = 1e-6
"""p-value of one ME at which an incident is critical: fewer than one in a million good lumisections."""


def severity(family: str, bad: int, size: int, p_value: float | None) -> str:
    """``critical`` or ``warning``.

    Critical if at least half of the folder's ``size`` MEs, and at least two, are bad in one lumisection, or
    if one of them is as unlikely as CRITICAL_P_VALUE, unless the family says otherwise.
    """
    entry = FAMILIES[family]
    if entry.severity:
        return entry.severity
    many = entry.counts_elements and bad >= max(2.0, CRITICAL_SHARE * size)
    unlikely = p_value is not None and p_value <= CRITICAL_P_VALUE
    return "critical" if many or unlikely else "warning"


def kind(incident_key: IncidentKey, observation: Observation, hints: Mapping[str, Hint]) -> str:
    """The fault that the evidence of the bad MEs names most often; the family's own word without evidence."""
    named = Counter(hints[me].kind for me in observation.bad if me in hints and hints[me].kind not in NAMELESS_KINDS)
    commonest: Iterable[tuple[str, int]] = named.most_common(1)
    return next((name for name, _ in commonest), FAMILIES[incident_key.family].kind)


def noun(incident_key: IncidentKey, kind_: str) -> str:
    """What the fault is called in a sentence."""
    return KIND_NOUNS.get(kind_, FAMILIES[incident_key.family].noun)


def histogram_title(
    incident_key: IncidentKey, kind_: str, bad: int, size: int, first: LumisectionKey, opening: str = ""
) -> str:
    """One line: where, what, how much of it and since when; ``opening`` is the kind that it began as."""
    elements = f"{bad} of {size} monitoring element{'s' * (size != 1)}"
    fault, began = _fault(incident_key, kind_), _began(incident_key, kind_, opening)
    return f"{fault} in {elements} since {lumisection_name(first)}{began}"


def recurring_title(
    incident_key: IncidentKey, kind_: str, faults: int, first: LumisectionKey, opening: str = ""
) -> str:
    """One line of an incident whose lumisections are ``faults`` short ones of one run."""
    since = f"{faults} short fault{'s' * (faults != 1)} since {lumisection_name(first)}"
    return f"{_fault(incident_key, kind_)} recurs, {since}{_began(incident_key, kind_, opening)}"


def _fault(incident_key: IncidentKey, kind_: str) -> str:
    where = incident_key.group or incident_key.subsystem
    if incident_key.subsystem not in where:
        where = f"{incident_key.subsystem} {where}"
    return f"{FAMILIES[incident_key.family].place.format(where=where)}: {noun(incident_key, kind_)}"


def _began(incident_key: IncidentKey, kind_: str, opening: str) -> str:
    """What it was at first, in brackets, where that is another fault."""
    first = noun(incident_key, opening) if opening else ""
    return f" (at first {first})" if first and first != noun(incident_key, kind_) else ""


def explanation(incident_key: IncidentKey, worst: Observation, hints: Mapping[str, Hint]) -> str:
    """What was seen in the lumisection that raised or worsened it, and where to look."""
    name = worst.bad[0]
    hinted = next((me for me in worst.bad if me in hints), None)
    hint = "" if hinted is None else f" {hints[hinted].sentence.rstrip('.')}."
    if hinted is not None and hinted != name:
        hint = f" {hinted}:{hint}"
    p_value = "" if worst.p_value is None else f" (p = {worst.p_value:.2g})"
    advice = FAMILIES[incident_key.family].advice_in(incident_key.subsystem)
    return f"Worst in {lumisection_name(worst.key)}: {name}{p_value}.{hint} {advice}"


def lumisection_name(key: LumisectionKey) -> str:
    """``run 379415 LS 120``, or the run alone for a whole-run histogram."""
    return f"run {key.run}" + (f" LS {key.ls}" if key.ls else "")


MEASURED_LUMISECTIONS = 5
"""Lumisections of an incident, its first, in which a change is measured."""
MOST_PATHS = 3
"""Rates that a title names."""
SMALLEST_CHANGE = 0.005
"""A change of a rate by a smaller share than this is left out of the title: on average there is none."""


def measured_rate_title(
    incident_key: IncidentKey,
    kind: str,
    bad: int,
    size: int,
    first: LumisectionKey,
    bands_seen: Sequence[LumisectionRates],
) -> str:
    """One line: what moved, by how much in the median of what was ``bands_seen`` first, and since when."""
    changes = [change for bands in bands_seen if (change := rate_change(bands, incident_key)) is not None]
    changed = float(np.median(changes)) if changes else None
    paths = names_of_paths(sorted({name for bands in bands_seen for name in _together(bands)}))
    title = rate_title(incident_key, kind, bad, size, changed, bands_seen[0].prescale_index, paths)
    return f"{title} since {lumisection_name(first)}"


def rate_change(rates: LumisectionRates, incident_key: IncidentKey) -> float | None:
    """By what share the rates of an incident changed, in the median.

    None where there is nothing to compare, or several rates moved to both sides.

    Paths that moved without a seed are compared with what the rates of all seeds, or their own levels, make one expect,
    others with what pileup does, since what moves with a seed is expected of it.
    """
    rows = Folders(rates.catalogue).of(incident_key)
    if rows is None:
        return None
    if incident_key.family == "several-rates":
        rows = rows[rates.reasons[rows] == Reason.SEVERAL_MOVED]
    typical = rates.bands.expected if incident_key.family in {"path", "several-rates"} else rates.bands.curve
    observed, expected = rates.bands.observed[rows], typical[rows]
    usable = np.isfinite(observed) & (expected > 0)
    ratios = observed[usable] / expected[usable]
    opposite = incident_key.family == "several-rates" and ratios.min(initial=1.0) < 1 < ratios.max(initial=1.0)
    return float(np.median(ratios)) - 1.0 if len(ratios) and not opposite else None


def rate_title(
    incident_key: IncidentKey,
    kind: str,
    bad: int,
    size: int,
    changed: float | None,
    declared: int | None,
    paths: str = "",
) -> str:
    """What happened and to how many of ``size`` rates.

    ``declared`` is the prescale column said to be in use, ``paths`` the names of those that moved together.
    """
    seed, _, path = incident_key.group.rpartition("/")
    template = FAMILIES[incident_key.family].rate_title or "{subsystem} {family}: {count} rates"
    return template.format(
        subsystem=incident_key.subsystem,
        family=incident_key.family,
        group=incident_key.group,
        path=path,
        paths=paths or "Several rates",
        count=f"{bad} of {size}",
        change=_change_text(changed),
        moved="rate as of another prescale" if kind == "prescale" else "rate moved by itself",
        seed_unmoved=f", {seed} did not move" if seed != path else "",
        column=kind if kind.startswith("prescale column") else "another prescale column",
        declared="" if declared is None else f" instead of {declared}",
    )


def _together(rates: LumisectionRates) -> Iterator[str]:
    """Names of rates that moved in the same lumisections as others."""
    for row in np.flatnonzero(rates.reasons == Reason.SEVERAL_MOVED).tolist():
        yield rates.catalogue.names[row].rpartition("/")[2]


def names_of_paths(names: Sequence[str]) -> str:
    """Names of paths in a sentence, the first MOST_PATHS of them."""
    if len(names) > MOST_PATHS:
        return f"{', '.join(names[:MOST_PATHS])} and {len(names) - MOST_PATHS} more"
    return " and ".join(", ".join(part) for part in (names[:-1], names[-1:]) if part)


def _change_text(changed: float | None) -> str:
    if changed is None or abs(changed) < SMALLEST_CHANGE:
        return ""
    return f" ({'+' if changed > 0 else '−'}{100 * abs(changed):.0f} %)"


NEWEST_OCCURRENCES = 8
"""Newest occurrences that decide whether the fault has become another one."""

LEAST_AGREEING = 3
AGREEING_SHARE = 0.75
"""The fault has become another when so many of the newest occurrences, and this share of those with a kind, agree."""


def present_kind(newest: Sequence[str], commonest: str) -> str:
    """The kind that the ``newest`` occurrences agree on; where they do not, the ``commonest`` of all.

    A guess at a single lumisection is often wrong, so that a few that differ change nothing.
    """
    named = Counter(kind for kind in newest if kind not in NAMELESS_KINDS)
    for kind, number in named.most_common(1):
        if number >= LEAST_AGREEING and number >= AGREEING_SHARE * named.total():
            return kind
    return commonest
