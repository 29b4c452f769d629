"""What a trigger expert wants to know of one run: causes, the worst rates, what changed in the menu. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dqm.core.quality import Reason
from opint.incidents.families import FAMILIES
from opint.incidents.titles import names_of_paths
from opint.store.run_map import UNEXPECTED
from opint.store.trigger_rates import TOGETHER, RunRates, alarming, seed_of
from opint.wording import conditions_sentence, counted, is_simulated

Rows = npt.NDArray[np.intp]

CAUSE_LABELS = {
    reason: FAMILIES[reason.family].rate_label
    for reason in (
        Reason.ALL_MOVED,
        Reason.WRONG_PRESCALES,
        Reason.SEVERAL_MOVED,
        Reason.SEED_MOVED,
        Reason.PATH_MOVED,
        Reason.FROZEN,
        Reason.MISSING,
    )
}
"""Labels of the reasons of trigger rates; what concerns most rates comes first."""


Versions = Mapping[str, int]
"""By element, the version of each rate that was published last; 0 where it has none."""


@dataclass(frozen=True, slots=True)
class TriggerCause:
    """One thing that is wrong: what it is, which rates, and when.

    ``element`` is the one to look at first. ``change`` is the share by which the rates changed, in the median; None
    where there is nothing to compare, or several rates moved to both sides. ``p_value`` is the smallest, None where
    none was calculated.
    """

    reason: Reason
    what: str
    element: str
    elements: int
    first_ls: int
    last_ls: int
    lumisections: int
    change: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class DeviatingRate:
    """One rate in the lumisection in which it lies farthest off; rates in Hz, ``pull`` as in RunRates."""

    element: str
    seed: str
    ls: int
    observed: float
    expected: float
    pull: float
    reason: Reason
    bad: int


@dataclass(frozen=True, slots=True)
class MenuChange:
    """One line of a run's history: ``what`` changed of a rate, from lumisection ``ls`` on."""

    element: str
    ls: int
    what: str


def causes(rates: RunRates) -> list[TriggerCause]:
    """What was found, the widest first; what has one cause stands once, whatever the number of its rates."""
    bad = alarming(rates)
    listed: list[TriggerCause] = []
    for reason in CAUSE_LABELS:
        cells = bad & (rates.reasons == reason)
        rows = np.flatnonzero(cells.any(axis=1))
        if len(rows):
            listed += [_cause(rates, reason, group, cells) for group in _separate_causes(rates, reason, rows)]
    return listed


def most_deviating(rates: RunRates, most: int) -> list[DeviatingRate]:
    """The rates that lie farthest off: those with alarms first, at most ``most``."""
    far = np.where(np.isfinite(rates.pulls), np.abs(rates.pulls), -1.0)
    bad = alarming(rates)
    column = np.where(bad, far + 1e6, far).argmax(axis=1)
    rows = np.arange(len(rates.elements))
    peak, times = far[rows, column], bad.sum(axis=1)
    order = [int(row) for row in np.lexsort((-peak, times == 0)) if peak[row] >= 0][:most]
    return [_deviating_rate(rates, row, int(column[row]), int(times[row])) for row in order]


def menu_changes(rates: RunRates, before: Versions) -> list[MenuChange]:
    """Changes in order; ``before`` are versions in the run before, empty if there was none."""
    lines = []
    for row, element in enumerate(rates.elements):
        present = np.flatnonzero(np.isfinite(rates.bands.observed[row]))
        if not len(present):
            if element in before or (rates.reasons[row] == Reason.NOT_IN_MENU).any():
                lines.append(MenuChange(element, rates.lumisections[0], "not in the menu of this run"))
            continue
        if before and element not in before:
            lines.append(MenuChange(element, rates.lumisections[int(present[0])], "new in the menu"))
        versions = np.nan_to_num(rates.bands.version[row])
        last = before.get(element, 0)
        for column in present.tolist():
            version = int(versions[column])
            if version and last and version != last:
                text = f"version {last} became {version}: its band is wide until the new level is known"
                lines.append(MenuChange(element, rates.lumisections[column], text))
            last = version or last
    return sorted(lines, key=lambda line: (line.ls, line.element))


def without_model(rates: RunRates, unjudged: Mapping[str, str]) -> dict[str, str]:
    """Why rates of the run have no model, by element, as the model has ``told``, or that it does not know them."""
    never = (rates.reasons == Reason.NO_MODEL) | (rates.reasons == UNEXPECTED) | ~np.isfinite(rates.bands.observed)
    published = np.isfinite(rates.bands.observed).any(axis=1) & (rates.reasons == Reason.NO_MODEL).any(axis=1)
    unknown = "the model does not know it; train it anew, on rates that have it"
    no_level = never.all(axis=1) & ~np.isfinite(rates.bands.curve).any(axis=1)
    return {
        element: unjudged.get(element, unknown)
        for row, element in enumerate(rates.elements)
        if element in unjudged or (published[row] and no_level[row])
    }


def emulated_notice(rates: RunRates) -> str:
    """One sentence if the rates are not measured, empty if they are.

    A dataset whose name has the word ``Simulated`` or ``Emulated`` says so; the era of the conditions says the same of
    these.
    """
    if not is_simulated(rates.dataset):
        return ""
    return conditions_sentence(
        "These rates are emulated over", (conditions.get("era") for conditions in rates.conditions)
    )


def _separate_causes(rates: RunRates, reason: Reason, rows: Rows) -> Sequence[Rows]:
    """Rows that are one cause each: a seed's by seed, single ones alone, anything else together."""
    if reason is Reason.PATH_MOVED:
        return list(rows[:, None])
    if reason is Reason.SEED_MOVED:
        of = rates.groups[rows]
        return [rows[of == seed] for seed in dict.fromkeys(of.tolist())]
    return [rows]


def _cause(rates: RunRates, reason: Reason, rows: Rows, bad_cells: npt.NDArray[np.bool_]) -> TriggerCause:
    cells = bad_cells[rows]
    columns = np.flatnonzero(cells.any(axis=0))
    far = np.where(cells, np.abs(np.nan_to_num(rates.pulls[rows])), -1.0).max(axis=1)
    first = rates.elements[int(rows[far.argmax()])]
    seed = seed_of(rates.elements[int(rows[0])])
    p_values = rates.p_values[rows][cells]
    finite = p_values[np.isfinite(p_values)]
    is_seed = reason is Reason.SEED_MOVED
    return TriggerCause(
        reason,
        _description(reason, seed if is_seed else first, [rates.elements[row] for row in rows]),
        seed if is_seed and seed in rates.elements else first,
        len(rows),
        rates.lumisections[int(columns[0])],
        rates.lumisections[int(columns[-1])],
        len(columns),
        _change(rates, reason, rows, cells),
        float(finite.min()) if finite.size else None,
    )


def _description(reason: Reason, element: str, elements: Sequence[str]) -> str:
    number, (seed, _, path) = len(elements), element.partition("/")
    if reason is Reason.SEED_MOVED:
        return f"{seed} and its paths"
    if reason is Reason.PATH_MOVED:
        return path
    return {
        Reason.ALL_MOVED: "all trigger rates",
        Reason.SEVERAL_MOVED: f"{names_of_paths([name.partition('/')[2] for name in elements])} together",
        Reason.WRONG_PRESCALES: f"prescales of {counted(number, 'rate')}",
        Reason.FROZEN: f"{path if number == 1 else f'{number} rates'} repeated",
        Reason.MISSING: f"{path if number == 1 else f'{number} rates'} not published",
    }[reason]


def _change(rates: RunRates, reason: Reason, rows: Rows, cells: npt.NDArray[np.bool_]) -> float | None:
    if reason in {Reason.FROZEN, Reason.MISSING}:
        return None
    typical = rates.bands.curve if TOGETHER[reason] else rates.bands.expected
    observed, expected = rates.bands.observed[rows][cells], typical[rows][cells]
    usable = np.isfinite(observed) & (expected > 0)
    ratios = observed[usable] / expected[usable]
    opposite = reason is Reason.SEVERAL_MOVED and ratios.min(initial=1.0) < 1 < ratios.max(initial=1.0)
    return float(np.median(ratios)) - 1.0 if len(ratios) and not opposite else None


def _deviating_rate(rates: RunRates, row: int, column: int, bad: int) -> DeviatingRate:
    element = rates.elements[row]
    return DeviatingRate(
        element,
        element.partition("/")[0],
        rates.lumisections[column],
        float(rates.bands.observed[row, column]),
        float(rates.bands.expected[row, column]),
        float(rates.pulls[row, column]),
        Reason(int(rates.reasons[row, column])),
        bad,
    )
