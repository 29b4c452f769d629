"""What changed in the trigger menu of a run: versions of paths, and paths that came and went. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dqm.core.quality import Reason
from opint.store.run_map import UNEXPECTED
from opint.store.trigger_rates import RunRates

Versions = Mapping[str, int]
"""By element, the version of each rate that was published last; 0 where it has none."""


@dataclass(frozen=True, slots=True)
class MenuChange:
    """One line of a run's history: ``what`` changed of a rate, from lumisection ``ls`` on."""

    element: str
    ls: int
    what: str


def menu_changes(rates: RunRates, before: Versions) -> list[MenuChange]:
    """Changes in order; ``before`` are versions in the run before, empty if there was none."""
    lines = []
    for row, element in enumerate(rates.elements):
        came = np.flatnonzero(np.isfinite(rates.bands.observed[row]))
        if not len(came):
            if element in before or (rates.reasons[row] == Reason.NOT_IN_MENU).any():
                lines.append(MenuChange(element, rates.lumisections[0], "not in the menu of this run"))
            continue
        if before and element not in before:
            lines.append(MenuChange(element, rates.lumisections[int(came[0])], "new in the menu"))
        versions = np.nan_to_num(rates.bands.version[row])
        last = before.get(element, 0)
        for column in came.tolist():
            version = int(versions[column])
            if version and last and version != last:
                text = f"version {last} became {version}: its band is wide until the new level is known"
                lines.append(MenuChange(element, rates.lumisections[column], text))
            last = version or last
    return sorted(lines, key=lambda line: (line.ls, line.element))


def without_model(rates: RunRates, told: Mapping[str, str]) -> dict[str, str]:
    """Why rates of the run have no model, by element, as the model has ``told``, or that it does not know them."""
    never = (rates.reasons == Reason.NO_MODEL) | (rates.reasons == UNEXPECTED) | ~np.isfinite(rates.bands.observed)
    published = np.isfinite(rates.bands.observed).any(axis=1) & (rates.reasons == Reason.NO_MODEL).any(axis=1)
    unknown = "the model does not know it; train it anew, on rates that have it"
    no_level = never.all(axis=1) & ~np.isfinite(rates.bands.curve).any(axis=1)
    return {
        element: told.get(element, unknown)
        for row, element in enumerate(rates.elements)
        if element in told or (published[row] and no_level[row])
    }
