"""Why a histogram was flagged: the most likely fault, in one sentence for the person on shift."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dqm.core.quality import Reason, WorstBin
from dqm.histograms.fault_hypotheses import Hypothesis, fit
from streams.arrays import Float64, Int64
from streams.records import Axis, MonitoringElement

WORST_BINS = 5
MIN_COUNTS = 5.0
"""Below this many counts no fault can be told from another."""
MIN_EXPLAINED = 0.5
"""A fault that explains less of the disagreement than this share is not named."""

_FIXED = {
    Reason.CONSISTENT: "Compatible with good lumisections.",
    Reason.NO_MODEL: "No model knows this histogram; train one to have it judged.",
    Reason.RESOLUTION: "Too few good runs were learned to tell good from bad; train on more of them.",
    Reason.WRONG_SHAPE: "Its axes differ from those that the model was trained on.",
    Reason.NO_STABLE_BEAMS: "Not judged: the beams were not declared stable.",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The likely fault (a kind of :class:`dqm.core.quality.Evidence`), why in words, and the bins that say so."""

    kind: str
    sentence: str
    worst_bins: tuple[WorstBin, ...]


def explain(
    me: MonitoringElement,
    counts: npt.ArrayLike,
    reference: npt.ArrayLike,
    pulls: npt.ArrayLike,
    *,
    reason: Reason,
    entries: float,
    expected_entries: float | None,
) -> Explanation:
    """Name the fault that fits best.

    Args:
        me: the histogram's name and axes.
        counts: (bins,) observed, flat.
        reference: (bins,) expected, scaled to what the healthy bins hold (:mod:`dqm.histograms.features`).
        pulls: (bins,) signed deviations in standard deviations, as the scorer sees them.
        reason: why it was flagged; where that says the fault already, the content is not fitted.
        entries: observed entries.
        expected_entries: what good lumisections have under the same conditions, if known.
    """
    observed, expected = np.asarray(counts, dtype=float), np.asarray(reference, dtype=float)
    worst = worst_bins(observed, expected, np.asarray(pulls, dtype=float))
    if reason in _FIXED:
        return Explanation("unknown", _FIXED[reason], worst)
    if reason is Reason.FROZEN:
        return Explanation(
            "stuck",
            f"The content has not changed, bin by bin, for several lumisections: the same "
            f"{_number(entries)} entries are published again and again.",
            worst,
        )
    if reason is Reason.MISSING:
        return Explanation("missing", f"Not published{_usually(expected_entries)}.", worst)
    fitted = _fit(me, observed, expected)
    if reason in _AMOUNTS and (fitted is None or fitted.kind not in _AMOUNTS[reason].shown_by):
        return Explanation(_AMOUNTS[reason].kind, _AMOUNTS[reason].sentence(entries, expected_entries), worst)
    if fitted is None:
        return Explanation("unknown", _unknown(me, observed, worst), worst)
    return Explanation(fitted.kind, _SENTENCES[fitted.kind](me, observed, expected, fitted), worst)


def worst_bins(observed: Float64, expected: Float64, pulls: Float64) -> tuple[WorstBin, ...]:
    """The bins with the largest pulls of either sign, worst first."""
    order = np.argsort(-np.abs(pulls), kind="stable")[:WORST_BINS]
    return tuple(WorstBin(int(i), float(observed[i]), float(expected[i]), float(pulls[i])) for i in order)


def _fit(me: MonitoringElement, observed: Float64, expected: Float64) -> Hypothesis | None:
    if min(observed.sum(), expected.sum()) < MIN_COUNTS:
        return None
    scaled = expected * observed.sum() / expected.sum()
    best = fit(observed.reshape(me.shape), scaled.reshape(me.shape), me.axes)
    return best if best.explained >= MIN_EXPLAINED else None


def _dead(me: MonitoringElement, observed: Float64, expected: Float64, fault: Hypothesis) -> str:
    should = expected[fault.cells].sum()
    return (
        f"{len(fault.cells)} of {observed.size} bins empty or nearly so ({_region(me, fault.cells)}): "
        f"{_number(observed[fault.cells].sum())} counts there, {_number(should)} ± {_number(np.sqrt(should))} expected."
    )


def _hot(me: MonitoringElement, observed: Float64, expected: Float64, fault: Hypothesis) -> str:
    top = int(fault.cells[np.argmax((observed - expected)[fault.cells])])
    return (
        f"{len(fault.cells)} of {observed.size} bins far too full; worst {_region(me, np.array([top]))}: "
        f"{_number(observed[top])} counts, {_number(expected[top])} ± {_number(np.sqrt(expected[top]))} expected."
    )


def _noisy(me: MonitoringElement, observed: Float64, expected: Float64, fault: Hypothesis) -> str:  # noqa: ARG001
    return (
        f"{len(fault.cells)} of {observed.size} bins have too many counts, scattered over "
        f"{_region(me, fault.cells)}: noise makes up {fault.amount:.0%} of all counts."
    )


def _shift(me: MonitoringElement, observed: Float64, expected: Float64, fault: Hypothesis) -> str:  # noqa: ARG001
    axis = me.axes[0]
    name, unit = _label(axis)
    by = abs(fault.amount) * (axis.upper - axis.lower) / axis.bins
    return f"The distribution has moved {'up' if fault.amount > 0 else 'down'} by {by:.3g}{unit} in {name}."


def _gain(me: MonitoringElement, observed: Float64, expected: Float64, fault: Hypothesis) -> str:  # noqa: ARG001
    name, _ = _label(me.axes[0])
    return f"Values of {name} are {fault.amount:.3g} times what they should be: the scale has changed."


def _swap(me: MonitoringElement, observed: Float64, expected: Float64, fault: Hypothesis) -> str:  # noqa: ARG001
    partner = fault.cells if fault.partner is None else fault.partner
    axis = me.axes[0]
    return (
        f"{_range(axis, fault.cells[0], fault.cells[-1])} and {_range(axis, partner[0], partner[-1])} look "
        "exchanged: each has the content that the other should have."
    )


_SENTENCES: Mapping[str, Callable[[MonitoringElement, Float64, Float64, Hypothesis], str]] = {
    "dead": _dead,
    "hot": _hot,
    "noisy": _noisy,
    "shift": _shift,
    "gain": _gain,
    "swap": _swap,
}


def _few(entries: float, expected: float | None) -> str:
    if not expected:
        return f"Only {_number(entries)} entries: too few to judge."
    return (
        f"Only {_number(entries)} entries, {_number(expected)} ± {_number(np.sqrt(expected))} expected "
        f"under these conditions ({entries / expected:.1%})."
    )


def _many(entries: float, expected: float | None) -> str:
    if not expected:
        return f"{_number(entries)} entries: far more than expected."
    return (
        f"{_number(entries)} entries, {_number(expected)} ± {_number(np.sqrt(expected))} expected under these "
        f"conditions: {entries / expected:.1f} times as many."
    )


@dataclass(frozen=True, slots=True)
class _Amount:
    """What is said of too few or too many entries, unless a fault of the content is ``shown_by`` one of these kinds."""

    kind: str
    shown_by: frozenset[str]
    sentence: Callable[[float, float | None], str]


_TOO_FEW = _Amount("low-statistics", frozenset({"dead"}), _few)
_AMOUNTS = {
    Reason.STARVED: _TOO_FEW,
    Reason.LOW_STATISTICS: _TOO_FEW,
    Reason.OVERFULL: _Amount("high-statistics", frozenset({"hot", "noisy"}), _many),
}


def _usually(expected: float | None) -> str:
    return "" if expected is None else f", though about {_number(expected)} entries were expected"


def _unknown(me: MonitoringElement, observed: Float64, worst: tuple[WorstBin, ...]) -> str:
    if not worst or observed.sum() <= 0:
        return "Empty, and fits no known fault."
    first = worst[0]
    return (
        f"Differs from good lumisections in a way that fits no known fault; worst at "
        f"{_region(me, np.array([first.index]))}: {_number(first.observed)} counts, "
        f"{_number(first.expected)} expected ({first.pull:+.1f} standard deviations)."
    )


def _region(me: MonitoringElement, cells: Int64) -> str:
    """Ranges of all axes that hold the cells."""
    places = np.unravel_index(cells, me.shape)
    return ", ".join(_range(axis, at.min(), at.max()) for axis, at in zip(me.axes, places, strict=True))


def _range(axis: Axis, first: int, last: int) -> str:
    """Cells in the words of the axis: ``time -5 to 3 ns``, or the names of categories."""
    if axis.categories is not None:
        names = axis.categories[first], axis.categories[last]
        return names[0] if first == last else f"{names[0]} to {names[1]}"
    name, unit = _label(axis)
    edges = axis.edges if axis.edges is not None else np.linspace(axis.lower, axis.upper, axis.bins + 1)
    return f"{name} {edges[first]:.4g} to {edges[min(last + 1, axis.bins)]:.4g}{unit}"


def _label(axis: Axis) -> tuple[str, str]:
    """Name and unit of an axis: ``time [ns]`` is ("time", " ns")."""
    name, _, bracketed_unit = (axis.label or "axis value").partition("[")
    unit = bracketed_unit.rstrip("] ")
    return name.strip(), f" {unit}" if unit else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"
