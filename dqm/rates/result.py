"""What judging leaves of a message of rates, in the order of its catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conf.settings import DqmSettings
from dqm.core.drift import Residuals
from dqm.core.quality import Evidence, Reason
from dqm.core.state import Bands, SubsystemScores
from dqm.rates.calibration import PValues
from dqm.rates.causes import RateCause
from dqm.rates.closing import content
from dqm.rates.evidence import RateContext, evidence
from dqm.rates.model import RateModel
from dqm.rates.observed import Observed, places
from dqm.rates.residuals import RateResiduals
from dqm.statistics.multiple_testing import discovery_threshold
from dqm.statistics.variance_stabilised import reached
from streams.arrays import Float32, Float64, Indices, UInt8
from streams.records import LUMISECTION_SECONDS, TriggerMenu, TriggerRates

SUBSYSTEM = "Trigger"
"""Trigger rates stand in the store as one subsystem."""
SCORERS = ("network", "curve", "seed")
"""How far a path lies from what the network expects given the seeds, any rate from its curve, and all paths of its seed
together from what is expected of them; in standard deviations."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRates:
    """What was found in one lumisection (L = 1), in the order of the menu that the model knows.

    ``bands`` (7, n) are :class:`dqm.core.state.Bands` as rows.
    """

    observed: Observed
    residuals: RateResiduals
    p_values: PValues
    bands: Float32
    causes: Sequence[RateCause]


def rate_bands(observed: Observed, residuals: RateResiduals, spread: Float64, reach: Float64) -> Float32:
    """Bands (7, n) of one lumisection: where ``reach`` (1, n) standard deviations to both sides end."""
    low, high = (reached(residuals.expected, spread, side * reach) for side in (-1.0, 1.0))
    counts = np.stack([observed.counts[0], residuals.expected[0], low[0], high[0], residuals.by_pileup[0]])
    unknown = np.full_like(observed.prescale, np.nan)
    rows = np.concatenate([counts / LUMISECTION_SECONDS, observed.prescale, unknown])
    rows[1:5, ~residuals.judged[0]] = np.nan
    rows[:, ~observed.published[0]] = np.nan
    rate_bands: Float32 = rows.astype(np.float32)
    return rate_bands


def scored(
    record: TriggerRates, model: RateModel, result: ScoredRates, settings: DqmSettings, version: str
) -> SubsystemScores:
    """Scores of ``record`` in the order of its own catalogue; what the model does not know is not judged."""
    menu = record.menu
    catalogue, n = menu.catalogue, len(menu.names)
    source, target = places(menu, model.menu)
    rows = menu.rows[source]
    p_values, reasons = _judged(record, result)
    own_p = np.full(n, np.nan, dtype=np.float32)
    own_reasons = np.full(n, Reason.NO_MODEL, dtype=np.uint8)
    own_scores = np.full((len(SCORERS), n), np.nan, dtype=np.float32)
    bands = np.full((7, n), np.nan, dtype=np.float32)
    own_p[rows], own_reasons[rows] = p_values[target], reasons[target]
    own_scores[:, rows], bands[:, rows] = _scores(model, result)[:, target], result.bands[:, target]
    if menu.versions:
        bands[6, menu.rows] = [version or np.nan for version in menu.versions]
    rates = np.empty(n)
    rates[menu.rows] = np.concatenate([record.l1, record.hlt])
    bands[0] = rates
    case = RateContext(
        catalogue,
        model.menu,
        Bands.from_array(bands),
        float(result.observed.pileup[0]),
        record.conditions.prescale_index,
    )
    row_of = np.full(len(model.menu.names), -1, dtype=np.intp)
    row_of[target] = rows
    return SubsystemScores(
        catalogue,
        SCORERS,
        np.ones(n, dtype=np.bool_),
        own_p,
        own_scores,
        content(rates, rates * LUMISECTION_SECONDS, catalogue),
        own_reasons,
        _evidence(case, result.causes, row_of, own_p, own_scores, settings, version),
        bands=case.bands,
    )


def in_catalogue(residuals: Residuals, menu: TriggerMenu) -> Residuals:
    """Residuals of the menu's names in the order of its catalogue."""
    order = np.argsort(menu.rows)
    return Residuals(
        residuals.lumisections[:, order], residuals.sums[order], residuals.leaning[order], residuals.pileup[:, order]
    )


def _judged(record: TriggerRates, result: ScoredRates) -> tuple[Float32, UInt8]:
    """P-values and reasons (n,) in the order of the model's menu."""
    observed, judged = result.observed, result.residuals.judged[0]
    p_values = np.where(judged, result.p_values.rows[0], np.float32(np.nan))
    reasons = np.full(len(judged), Reason.NO_MODEL, dtype=np.uint8)
    reasons[judged] = Reason.CONSISTENT
    if not observed.usable[0]:
        unstable = record.conditions.beams_stable is False
        reasons[:] = Reason.NO_STABLE_BEAMS if unstable else Reason.LOW_STATISTICS
    reasons[observed.prescale[0] == 0] = Reason.SWITCHED_OFF
    for cause in result.causes:
        reasons[cause.rows] = cause.reason
        p_values[cause.rows] = np.fmin(p_values[cause.rows], np.float32(cause.p_value))
    return p_values, reasons


def _scores(model: RateModel, result: ScoredRates) -> Float32:
    """Scores (k, n) in the order of the model's menu."""
    residuals, seeds = result.residuals, len(model.menu.l1)
    network = np.abs(residuals.away[0])
    network[:seeds] = np.nan
    seed_of = np.concatenate([np.arange(seeds), np.array(model.menu.seed_of, dtype=np.intp)])
    together = (np.abs(residuals.together[0]) / model.calibration.wide)[seed_of]
    scores: Float32 = np.stack([network, np.abs(residuals.off_curve[0]), together]).astype(np.float32)
    return scores


def _evidence(
    case: RateContext,
    named: Sequence[RateCause],
    row_of: Indices,
    p_values: Float32,
    scores: Float32,
    settings: DqmSettings,
    version: str,
) -> Mapping[str, Evidence]:
    """Evidence on what causes explain, the widest first, and then on what is suspect, up to the settings' limit."""
    explanations: list[tuple[int, RateCause | None]] = []
    for cause in named:
        rows = row_of[cause.rows]
        explanations += [(int(row), cause) for row in rows[np.argsort(p_values[rows], kind="stable")] if row >= 0]
    with np.errstate(invalid="ignore"):
        suspect = np.flatnonzero(p_values <= discovery_threshold(p_values, settings.false_discovery_rate))
    explained = {row for row, _ in explanations}
    worst = suspect[np.argsort(p_values[suspect], kind="stable")]
    explanations += [(row, None) for row in worst.tolist() if row not in explained]
    pieces = {}
    for row, explanation in explanations[: settings.evidence_per_lumisection]:
        score_by_name = {
            name: float(score) for name, score in zip(SCORERS, scores[:, row], strict=True) if np.isfinite(score)
        }
        pieces[case.catalogue.names[row]] = evidence(
            case, row, explanation, float(p_values[row]), score_by_name, version
        )
    return pieces
