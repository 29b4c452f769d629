"""How times, numbers and qualities are written on the page; all are Jinja filters or functions."""

import glob
import math
from collections.abc import Callable
from typing import Any

from dqm.core.quality import Quality, Reason
from opint import wording
from opint.store.evidence import WorstBinView
from opint.store.runs import Cell
from streams.records import Axis

GLYPHS = {Quality.GOOD: "✓", Quality.WARNING: "!", Quality.BAD: "✕", Quality.NOT_INSPECTED: "·"}
_QUALITY_NAMES = {
    Quality.GOOD: "good",
    Quality.WARNING: "warning",
    Quality.BAD: "bad",
    Quality.NOT_INSPECTED: "not inspected",
}
_STEPS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def iso(seconds: float | None) -> str:
    """UTC in ISO 8601 to the second, ``2026-01-31T23:59:59Z``; a dash for None."""
    return "–" if seconds is None else wording.iso(seconds)


def ago(seconds: float, now_s: float) -> str:
    """How long ago, in the largest fitting unit: ``12 s ago``, ``3 min ago``."""
    return f"{duration(max(0.0, now_s - seconds))} ago"


def duration(seconds: float) -> str:
    """A length of time in its largest fitting unit, rounded down."""
    for step, unit in _STEPS:
        if seconds >= step:
            return f"{int(seconds // step)} {unit}"
    return f"{int(seconds)} s"


def number(value: float | None, unit: str = "") -> str:
    """A count or measure in a few digits: whole below 10,000, then k, M, G before the unit; a dash for None."""
    if value is None:
        return "–"
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scale = 1e3 if prefix == "k" else size
            return f"{value / scale:.3g} {prefix}{unit}"
    plain = f"{value:.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.3g}"
    return f"{plain} {unit}" if unit else plain


def feature(name: str) -> str:
    """A feature of an event in words, without the unit that ends its name: ``met_gev`` as ``met``."""
    return name.removesuffix("_gev").replace("_", " ")


def feature_unit(name: str) -> str:
    """The unit that ends the name of a feature; empty for a number or a ratio."""
    return "GeV" if name.endswith("_gev") else ""


def usual(low: float, high: float, unit: str = "") -> str:
    """A usual range: ``5 to 78 GeV``; one number where nothing else is usual, and a bare 0 where there is none."""
    if number(low) == number(high):
        return number(high, unit if high else "")
    return f"{number(low)} to {number(high, unit)}"


def uncertain(value: float | None, spread: float | None) -> str:
    """A measure with its uncertainty to the first digit of that, ``3.1 ± 0.4``; without it where that is not known."""
    if value is None or spread is None or spread <= 0:
        return number(value)
    digits = max(0, -math.floor(math.log10(spread)))
    return f"{value:.{digits}f} ± {spread:.{digits}f}"


def exactly(name: str) -> str:
    """A shell pattern that fits this name, for a list of patterns with commas between them."""
    return glob.escape(name).replace(",", "?")


def filled(values: dict[str, Any]) -> dict[str, Any]:
    """The entries that are not empty."""
    return {name: value for name, value in values.items() if value != ""}


def probability(value: float | None) -> str:
    """A p-value to two digits, ``3.2e-05``; a dash for None, a bound for what is too small for a number."""
    return "–" if value is None else f"{value:.2g}" if value else "< 1e-300"


FEW_SHARE = 0.01
"""A subsystem of which no more than this share is bad or a warning is not painted as if all of it were."""


def few(cell: Cell) -> bool:
    """Whether only a few of the monitoring elements of a lumisection that is worse than good are so."""
    poor = cell.bad + cell.warning
    return 0 < poor <= FEW_SHARE * (poor + cell.good)


def quality_word(value: int) -> str:
    """A quality in lower case words."""
    return _QUALITY_NAMES[Quality(value)]


def quality_glyph(value: int) -> str:
    """The mark that stands beside every colour: ✓ ! ✕ ·."""
    return GLYPHS[Quality(value)]


def reason_word(name: str) -> str:
    """``LOW_STATISTICS`` as ``low statistics``."""
    return Reason[name].name.replace("_", " ").lower()


def trained(manifest: dict[str, Any]) -> str:
    """When a model was trained, as its manifest says it; a dash where it does not."""
    moment = next((manifest[key] for key in ("trained_s", "created_s", "trained", "created") if key in manifest), None)
    return iso(moment) if isinstance(moment, int | float) else str(moment or "–")


def resolution(manifest: dict[str, Any]) -> list[str]:
    """How rare a thing the model can tell beside what the budget asks for, a sentence for each subsystem."""
    sentences = manifest.get("resolution")
    return [str(sentence) for sentence in sentences] if isinstance(sentences, list) else []


def where(worst: WorstBinView, axes: list[Axis]) -> str:
    """Where a bin lies, on every axis: ``12 to 13 ns``, or the category's name."""
    places = unravel(worst.index, [axis.bins for axis in axes])
    return ", ".join(_interval(axis, place) for axis, place in zip(axes, places, strict=True))


def unravel(index: int, shape: list[int]) -> list[int]:
    """Position along each axis of a flat cell number in C order."""
    places = []
    for bins in reversed(shape):
        index, place = divmod(index, bins)
        places.append(place)
    return places[::-1]


def _interval(axis: Axis, place: int) -> str:
    if axis.categories is not None:
        return axis.categories[place]
    width = (axis.upper - axis.lower) / axis.bins
    edges = axis.edges or [axis.lower + width * edge for edge in range(axis.bins + 1)]
    label = f"{axis.label} " if axis.label else ""
    low, high = edges[place], edges[place + 1]
    return f"{label}{_to_width(low, high - low)} to {_to_width(high, high - low)}"


def _to_width(edge: float, width: float) -> str:
    """An edge with no more decimals than tell it from its neighbour."""
    decimals = 3 if width <= 0 else max(0, 1 - math.floor(math.log10(width)))
    return f"{edge:.{min(decimals, 9)}f}".rstrip("0").rstrip(".") if decimals else f"{edge:.0f}"


FUNCTIONS: dict[str, Callable[..., Any]] = {"usual": usual}

FILTERS: dict[str, Callable[..., Any]] = {
    "iso": iso,
    "clock_time": wording.clock_time,
    "ago": ago,
    "ordinal": wording.ordinal,
    "counted": wording.counted,
    "duration": duration,
    "number": number,
    "filled": filled,
    "exactly": exactly,
    "probability": probability,
    "few": few,
    "feature": feature,
    "feature_unit": feature_unit,
    "uncertain": uncertain,
    "quality_word": quality_word,
    "quality_glyph": quality_glyph,
    "reason_word": reason_word,
    "where": where,
    "trained": trained,
    "resolution": resolution,
}
