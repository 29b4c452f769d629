"""What is said of a rate that left its own level: how far, over how many lumisections, and in which column."""

import numpy as np

from dqm.arrays import Float64
from dqm.core.quality import Evidence, Reason
from dqm.core.state import LumisectionState, SubsystemScores
from dqm.rates.levels.level import SUMS
from dqm.rates.levels.readings import column_of
from streams.records import LUMISECTION_SECONDS


def evidence(state: LumisectionState, part: SubsystemScores, row: int, reason: Reason, pulls: Float64) -> Evidence:
    """Evidence on ``row`` of the part's catalogue, whose sums of pulls are ``pulls`` (sums,)."""
    assert part.bands is not None  # noqa: S101 - rates have them
    observed, expected, low, high = (float(band[row]) for band in part.bands.as_array()[:4])
    known = np.where(np.isnan(pulls), 0.0, pulls)
    at = int(np.argmax(np.abs(known)))
    count, far = SUMS[at], float(known[at])
    column = column_of(state.conditions)
    where = f"at pileup {state.conditions.pileup or 0.0:.1f}" + (f" in prescale column {column}" if column else "")
    over = "in this lumisection alone" if count == 1 else f"over the last {count} lumisections together"
    side = "above" if far > 0 else "below"
    unsure = "" if reason is Reason.PATH_MOVED else ", unlikely, but not enough to be called wrong"
    sentence = (
        f"Rate {_hz(observed)} Hz where {_hz(low)} to {_hz(high)} Hz are expected {where}; "
        f"{over} {abs(far):.1f} standard deviations {side} its own level{unsure}."
    )
    return Evidence(
        me=part.catalogue.names[row],
        reason=reason,
        kind="path" if reason is Reason.PATH_MOVED else "unknown",
        sentence=sentence,
        p_value=float(part.p_values[row]),
        scores={name: float(score) for name, score in zip(part.scorers, part.scores[:, row], strict=True)},
        axes=(),
        counts=(),
        reference=(),
        pulls=(),
        entries=observed * LUMISECTION_SECONDS,
        expected_entries=expected * LUMISECTION_SECONDS,
        model_version=state.model_version,
    )


def _hz(rate: float) -> str:
    return f"{rate:.3g}" if rate < 1000 else f"{rate:,.0f}"
