"""What the daemon does with trigger rates, without broker and database: score, close, follow, raise incidents."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np
import numpy.typing as npt

from benchmarks.watching import Judged, summary
from conf.settings import DqmSettings
from dqm.core.assembly import merge
from dqm.core.drift import Residuals, initial_centre, updated_centre
from dqm.rates.pipeline import RatePipeline
from dqm.rates.result import SUBSYSTEM
from dqm.simulate.rates import SimulatedRates
from opint.store.neighbours import StoredContent

Shifts = dict[int, npt.NDArray[np.float32]]
"""By run, how far rates had drifted when it began."""


def watch(
    pipeline: RatePipeline, settings: DqmSettings, stream: Iterable[SimulatedRates], shifts: Shifts
) -> Iterator[Judged]:
    """Judge lumisections, which come in (run, LS) order.

    A run that is in ``shifts`` is judged by that; that of any other follows the run before and is put in.
    """
    history: deque[StoredContent] = deque(maxlen=settings.frozen_after - 1)
    shift = initial_centre(len(pipeline.expected[SUBSYSTEM]), pipeline.numbers)
    for run, of_run in groupby(stream, lambda item: item.key.run):
        shift = shifts.setdefault(run, shift)
        residuals = Residuals.nothing(*shift.shape[1:])
        adopted: str | None = None
        for lumisection in of_run:
            if adopted is None:
                adopted = lumisection.rates.dataset
                pipeline.adopt(adopted, run, {}, {SUBSYSTEM: shift})
            (scored,) = pipeline.score([lumisection.rates])
            if scored.residuals is not None:
                residuals += scored.residuals
            state = merge(None, scored, 0.0).state
            closed = pipeline.close(state, {SUBSYSTEM: list(history)}, 0.0, "complete")
            history.append(
                StoredContent(
                    lumisection.key, closed.parts[SUBSYSTEM].catalogue.digest, closed.parts[SUBSYSTEM].digests
                )
            )
            yield summary(closed)
        if adopted is not None:
            pipeline.drop(adopted, run)
        shift = updated_centre(shift, residuals)
