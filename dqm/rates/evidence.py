"""What is said of a rate that moved: which, by how much, and what else moved with it."""

from dataclasses import dataclass

import numpy as np

from dqm.core.quality import Evidence, Reason
from dqm.core.state import Bands
from dqm.rates.causes import RateCause
from streams.arrays import Float32
from streams.records import LUMISECTION_SECONDS, Catalogue, TriggerMenu

_USUAL = np.array([1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000], dtype=np.float64)
_WIDER = 3.0 / 2.6
"""A prescale may lie three standard deviations off; the band of 99 % reaches 2.6."""
_CLEARLY_OTHER = 1.4
"""Usual prescales that stand side by side differ by more than this factor."""

KINDS = {
    Reason.ALL_MOVED: "all-rates",
    Reason.WRONG_PRESCALES: "prescales",
    Reason.SEED_MOVED: "seed",
    Reason.PATH_MOVED: "path",
    Reason.SUSPECT: "unknown",
}


@dataclass(frozen=True, slots=True)
class RateContext:
    """One lumisection: the ``menu`` in words, the ``bands`` in catalogue order, and the conditions that matter."""

    catalogue: Catalogue
    menu: TriggerMenu
    bands: Bands
    pileup: float
    declared: int | None


def evidence(
    case: RateContext, row: int, cause: RateCause | None, p_value: float, scores: dict[str, float], version: str
) -> Evidence:
    """Evidence on ``row`` of the catalogue, which ``cause`` explains; None: it is only suspect."""
    reason = Reason.SUSPECT if cause is None else cause.reason
    other = _other_prescale(case.bands, row) if reason is Reason.PATH_MOVED else None
    rate = f"{in_hertz(case.bands, row)} at pileup {case.pileup:.1f}"
    explained = _explained(case, row, cause, other)
    return of_rate(
        case.bands,
        row,
        me=case.catalogue.names[row],
        reason=reason,
        kind=_kind(reason, cause, other),
        sentence=f"{rate}; {explained}.",
        p_value=p_value,
        scores=scores,
        model_version=version,
    )


def of_rate(
    bands: Bands,
    row: int,
    *,
    me: str,
    reason: Reason,
    kind: str,
    sentence: str,
    p_value: float,
    scores: dict[str, float],
    model_version: str,
) -> Evidence:
    """Evidence on one rate: nothing to plot, and as entries what a lumisection counted, and was expected to count."""
    return Evidence(
        me=me,
        reason=reason,
        kind=kind,
        sentence=sentence,
        p_value=p_value,
        scores=scores,
        axes=(),
        counts=(),
        reference=(),
        pulls=(),
        entries=float(bands.observed[row]) * LUMISECTION_SECONDS,
        expected_entries=float(bands.expected[row]) * LUMISECTION_SECONDS,
        model_version=model_version,
    )


def in_hertz(bands: Bands, row: int) -> str:
    """The rate and the band that is expected, as a sentence begins."""
    observed, low, high = (_hz(float(band[row])) for band in (bands.observed, bands.low, bands.high))
    return f"Rate {observed} Hz where {low} to {high} Hz are expected"


def _kind(reason: Reason, cause: RateCause | None, other: float | None) -> str:
    if other is not None:
        return "prescale"
    if cause is not None and reason is Reason.WRONG_PRESCALES and cause.column is not None:
        return f"prescale column {cause.column}"
    return KINDS[reason]


def _hz(rate: float) -> str:
    return f"{rate:.3g}" if rate < 1000 else f"{rate:,.0f}"


def _explained(case: RateContext, row: int, cause: RateCause | None, other: float | None) -> str:
    if cause is None:
        return "unlikely, but not enough to be called wrong"
    change = f"{cause.by:.2g} times what pileup makes of them"
    if cause.reason is Reason.ALL_MOVED:
        return f"all rates moved together, to {change}: luminosity, dead time or beam rather than a trigger"
    if cause.reason is Reason.WRONG_PRESCALES:
        declared = "no column" if case.declared is None else f"column {case.declared}"
        no_column = "no column that is known would explain them"
        better = no_column if cause.column is None else f"column {cause.column} would explain them"
        return f"rates behind several seeds moved, each by a factor of its own, while {declared} is declared; {better}"
    if cause.reason is Reason.SEED_MOVED:
        seed = case.menu.l1[cause.seed]
        rates = f"{seed} and its paths" if _has_seed(case, cause) else f"the paths of {seed}, but not the seed itself,"
        return f"{rates} moved together, {len(cause.rows)} rates, to {change}"
    if other is not None:
        declared = f"{case.bands.prescale[row]:g}"
        return f"as with a prescale of {other:g} in all instead of {declared}; its neighbours did not move"
    return f"its seed {case.menu.l1[cause.seed]} and the other paths behind it did not move"


def _has_seed(case: RateContext, cause: RateCause) -> bool:
    return bool((cause.rows < len(case.menu.l1)).any())


def _other_prescale(bands: Bands, row: int) -> float | None:
    """A usual prescale, other than the one declared, that would make the rate what it is; None: there is no such."""
    observed, expected, declared = (float(band[row]) for band in (bands.observed, bands.expected, bands.prescale))
    if not (observed > 0 and expected > 0 and declared > 0):
        return None
    implied = declared * expected / observed
    nearest = float(_USUAL[np.argmin(np.abs(np.log(_USUAL / implied)))])
    ratio: Float32 = np.array([bands.high[row] / expected, expected / max(bands.low[row], 1e-9)])
    # Of few counts any prescale could be told: the band must tell neighbouring ones apart.
    sharp = float(ratio.max()) < _CLEARLY_OTHER
    near = abs(np.log(nearest / implied)) <= _WIDER * np.log(float(ratio.max()))
    return nearest if sharp and near and max(nearest / declared, declared / nearest) > _CLEARLY_OTHER else None
