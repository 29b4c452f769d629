"""The truth that goes with simulated events: which of them are of a rare kind, one JSON object a line."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from dqm.simulate.events import NAMES, STANDARD, SimulatedEvents
from dqm.simulate.faults import SimulationError


def noted(path: Path, lumisections: Iterable[SimulatedEvents]) -> Iterator[SimulatedEvents]:
    """The same lumisections; the rare events of each are written to ``path`` before it is passed on.

    A file that exists is replaced. Each line names ``run``, ``ls``, ``event`` and ``process``.
    Raises SimulationError if the file cannot be written.
    """
    try:
        opened = path.open("w", encoding="utf-8")
    except OSError as error:
        raise SimulationError(f"truth file {path} cannot be written: {error.strerror or error}") from error
    with opened as file:
        for lumisection in lumisections:
            key = lumisection.features.key
            for at in np.flatnonzero(lumisection.kinds >= len(STANDARD)):
                row = {"run": key.run, "ls": key.ls, "event": int(lumisection.features.events[at])}
                file.write(json.dumps(row | {"process": NAMES[lumisection.kinds[at]]}) + "\n")
            file.flush()
            yield lumisection
