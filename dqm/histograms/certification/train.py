"""Training and calibrating the certification model of one subsystem."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dqm.core.calibration import calibrate
from dqm.core.combination import SubsystemOpinion
from dqm.core.drift import Residuals, initial_centre, updated_centre
from dqm.core.largest_errors import NUMBERS, Largest
from dqm.histograms.certification import scaling
from dqm.histograms.certification.attribution import shares
from dqm.histograms.certification.model import PER_PB, CertificationModel, Ensemble, luminosity, squared_errors
from dqm.networks.prelu_autoencoder import PreluAutoencoder
from streams.arrays import Float32, Indices, Int64, Mask
from streams.records import Conditions

Kind = Literal["autoencoder", "variational"]

MEMBERS = 3
STRETCH = 32
"""Consecutive lumisections that are drawn together for a member of the ensemble, because they are alike."""
HELD_SHARE = 0.2
"""Latest share of training, which says when to stop."""

LEAST_ORDINARY = 1e-2
"""No feature's ordinary squared error is taken for less."""


@dataclass(frozen=True, slots=True, eq=False)
class Good:
    """Good lumisections of one subsystem in order of time.

    ``summaries`` (L, n, 7), ``totals`` (L, n) counts, ``pileup`` (L,) standardised, ``use`` (L, n) what is
    inspected, ``bins`` (n,) cells of each ME, ``runs`` (L,) run numbers.
    """

    summaries: Float32
    totals: Float32
    pileup: Float32
    use: Mask
    bins: Indices
    runs: Int64
    conditions: Sequence[Conditions]


def fit(
    good: Good, cut: int, kind: Kind, rng: np.random.Generator
) -> tuple[CertificationModel, list[SubsystemOpinion | None]]:
    """Train on the first ``cut`` lumisections, calibrate on the others, and say what it thinks of those.

    Calibration lumisections are judged as later ones will be, about a centre that followed the runs before; the
    model's own centre is that of the end. The opinions are cross-fitted: none has taken part in its own normalisation.
    """
    scaled = scaling.fit(good.summaries[:cut], good.totals[:cut], good.pileup[:cut], good.use[:cut], good.bins)
    features = scaled.scaled(good.summaries[:cut], good.totals[:cut], good.pileup[:cut], good.use[:cut])
    trained = Ensemble(scaled, *members(features, kind, rng))
    largest, shift = _followed(trained, good, cut)
    return _calibrated(trained.moved(shift), largest, good.conditions[cut:], good.pileup[cut:], good.runs[cut:])


def _followed(trained: Ensemble, good: Good, cut: int) -> tuple[list[Largest], Float32]:
    """Of the lumisections from ``cut`` on the largest errors about the centre of their run; the centre after all."""
    shift = initial_centre(len(good.bins), NUMBERS)
    largest: list[Largest] = []
    for rows in np.split(np.arange(len(good.runs)), np.flatnonzero(np.diff(good.runs)) + 1):
        if len(judged := rows[rows >= cut]):
            calibrating = good.summaries[judged], good.totals[judged], good.pileup[judged], good.use[judged]
            largest += trained.moved(shift).largest(*calibrating)
        typical = trained.scaling.typical(good.pileup[rows])
        residuals = Residuals.nothing(len(good.bins), NUMBERS)
        for at, centre in zip(rows, typical, strict=True):
            trusted = np.where(good.use[at], np.float32(1.0), np.float32(np.nan))
            residuals += Residuals.of(good.summaries[at], centre, float(good.pileup[at]), trusted)
        shift = updated_centre(shift, residuals)
    return largest, shift


def _calibrated(
    trained: Ensemble, largest: Sequence[Largest], conditions: Sequence[Conditions], pileup: Float32, runs: Int64
) -> tuple[CertificationModel, list[SubsystemOpinion | None]]:
    """With a table of the scores of later lumisections, conditional on pileup and luminosity."""
    scores = np.array([errors.scores().mean() for errors in largest], dtype=np.float32)[:, None]
    recorded = [condition.recorded_lumi for condition in conditions]
    recorded_lumi = [lumi * PER_PB for lumi in recorded if lumi is not None and lumi > 0]
    size = luminosity(recorded, float(np.median(recorded_lumi)) if recorded_lumi else 1.0)
    use = np.isfinite(scores)
    calibrated = calibrate(
        np.nan_to_num(scores, nan=1.0)[None], size, pileup, use, [slice(0, 1)], np.ones((1, 1), dtype=np.bool_), runs
    )
    elements = len(trained.scaling.centre)
    opinions = [
        SubsystemOpinion(float(p), shares(errors, elements)) if np.isfinite(p) else None
        for errors, p in zip(largest, calibrated.p_values[:, 0], strict=True)
    ]
    return CertificationModel(trained, calibrated.normaliser, calibrated.scorers[0]), opinions


def members(
    features: Float32, kind: Kind, rng: np.random.Generator, code: int | None = None
) -> tuple[tuple[PreluAutoencoder, ...], Float32]:
    """Networks trained on ``features`` (L, f) in order of time, and the ordinary squared error of each (members, f).

    ``code`` is how many numbers are in the middle of each, by default as many as suit lumisections.
    Every member is trained on its own draw, with replacement, of stretches of the lumisections that come first. So
    their spread tells how much the score owes to the choice of what was learned from (L. Breiman, Machine Learning
    24 (1996) 123).
    """
    early = len(features) - max(1, int(HELD_SHARE * len(features)))
    validation = features[early:]
    trained = tuple(_trained(features[_drawn(early, rng)], validation, kind, rng, code) for _ in range(MEMBERS))
    ordinary = squared_errors(trained, validation).mean(axis=1)
    return trained, np.maximum(ordinary, np.float32(LEAST_ORDINARY))


def _trained(
    features: Float32, validation: Float32, kind: Kind, rng: np.random.Generator, code: int | None
) -> PreluAutoencoder:
    if kind == "variational":
        from dqm.networks.training.variational_autoencoder import train as variational  # noqa: PLC0415 - TensorFlow takes seconds to import

        return variational(features, validation, rng, code=code)
    from dqm.networks.training.prelu_autoencoder import train as plain  # noqa: PLC0415 - as above

    return plain(features, validation, rng, code=code)


def _drawn(rows: int, rng: np.random.Generator) -> Indices:
    stretches = [np.arange(start, min(start + STRETCH, rows)) for start in range(0, rows, STRETCH)]
    return np.concatenate(
        [stretches[stretch] for stretch in np.sort(rng.integers(len(stretches), size=len(stretches)))]
    )
