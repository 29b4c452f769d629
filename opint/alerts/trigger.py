"""Titles of incidents of trigger rates, as a trigger expert would write them."""

from collections.abc import Sequence

import numpy as np

from opint.alerts.describe import place
from opint.alerts.labels import Labels
from opint.alerts.window import Folders
from opint.store.bands import Seen
from streams.records import LumisectionKey

MEASURED = 5
"""Lumisections of an incident, its first, in which a change is measured."""
LEAST_TOLD = 0.005
"""A change of a rate by a smaller share than this is not told: it is none on average."""


def titled(labels: Labels, kind: str, bad: int, size: int, first: LumisectionKey, seen: Sequence[Seen]) -> str:
    """One line: what moved, by how much in the median of what was ``seen`` first, and since when."""
    changes = [one for each in seen if (one := change(each, labels)) is not None]
    changed = float(np.median(changes)) if changes else None
    return f"{title(labels, kind, bad, size, changed, seen[0].prescale_index)} since {place(first)}"


def change(seen: Seen, labels: Labels) -> float | None:
    """By what share the rates of the labels changed, in the median; None where there is nothing to compare.

    A path that moved alone is compared with what the rates of all seeds make one expect, others with what pileup does,
    since what moves with a seed is expected of it.
    """
    rows = Folders(seen.catalogue).of(labels)
    if rows is None:
        return None
    typical = seen.bands.expected if labels.family == "path" else seen.bands.curve
    observed, expected = seen.bands.observed[rows], typical[rows]
    usable = np.isfinite(observed) & (expected > 0)
    return float(np.median(observed[usable] / expected[usable])) - 1.0 if usable.any() else None


def title(labels: Labels, kind: str, bad: int, size: int, changed: float | None, declared: int | None) -> str:
    """What happened and to how many of ``size`` rates; ``declared`` is the prescale column said to be in use."""
    told, number = _share(changed), f"{bad} of {size}"
    seed, _, path = labels.group.rpartition("/")
    column = kind if kind.startswith("prescale column") else "another prescale column"
    alone = "rate as of another prescale" if kind == "prescale" else "rate moved by itself"
    words = {
        "path": f"{path}: {alone}{told}" + (f", {seed} did not move" if seed != path else ""),
        "seed": f"{labels.group}: {number} rates moved together{told}",
        "all-rates": f"All trigger rates moved together{told}, {number}",
        "prescales": f"Rates as of {column}{'' if declared is None else f' instead of {declared}'}, {number} differ",
        "frozen": f"Trigger rates stuck: {number} repeat digit by digit",
        "missing": f"Trigger rates missing: {number} were not published",
    }
    return words.get(labels.family, f"{labels.subsystem} {labels.family}: {number} rates")


def _share(changed: float | None) -> str:
    if changed is None or abs(changed) < LEAST_TOLD:
        return ""
    return f" ({'+' if changed > 0 else '−'}{100 * abs(changed):.0f} %)"
