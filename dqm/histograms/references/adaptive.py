"""A reference that follows the slow drift of a detector, without labels.

Each run adds its histogram to an exponentially weighted template of the runs before, if it is good with confidence:
near the template, with no bin that stands out from its neighbours. A run that is not is held back. Only when several of
the newest runs show one and the same new shape, and none of them looks like a fault, is that shape adopted. How far
good runs lie from the template, beyond Poisson, is learned bin by bin and adds to the uncertainty.

A change of conditions (energy, fill scheme, calibration, age) moves neighbouring bins alike; a channel that died or
became noisy stands out from the bins beside it. And a change stays as it is, while faults and their repair come and go.

The idea of an exponentially weighted template with an uncertainty is DINAMO's (A. Gavrikov et al., "DINAMO:
Dynamic and INterpretable Anomaly MOnitoring for Large-Scale Particle Physics Experiments", 2025,
arXiv:2501.19237), which is told by people which runs are good.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streams.arrays import Float64, Mask

STANDS_OUT = 6.0
"""A bin that stands out by more standard deviations than this is a fault and is never adopted by itself."""
ALIKE = 3.0
"""Two histograms agree up to this mean squared difference per bin, in units of its variance."""
PERSISTS = 3
"""A new shape is adopted when this many of the newest runs show it ..."""
WITHIN = 5
"""... of as many as these."""


def contrasts(counts: Float64) -> Float64:
    """How far each inner bin lies above the middle of its neighbours: ``counts`` (..., bins) to (..., bins - 2).

    Square roots make the variance of a Poisson count the same everywhere (F. J. Anscombe, Biometrika 35 (1948)
    246), so a smooth histogram gives contrasts of about unit variance. Bins of a histogram with several axes are
    compared in the order in which they are stored.
    """
    roots = 2.0 * np.sqrt(counts + 0.375)
    inner: Float64 = (roots[..., 1:-1] - (roots[..., :-2] + roots[..., 2:]) / 2) / np.sqrt(1.5)
    return inner


def stands_out(counts: Float64, expected: Float64, wander: Float64) -> Float64:
    """The largest contrast (...) that ``expected`` does not have, in standard deviations; 0 below three bins.

    ``wander`` is the relative variance of each bin among good shapes, taken as if bins wandered each for itself:
    that is unfavourable, since what wanders together makes no contrast.
    """
    moved = wander * expected
    variance = 1.0 + (moved[..., 1:-1] + (moved[..., :-2] + moved[..., 2:]) / 4) / 1.5
    unlike = np.abs(contrasts(counts) - contrasts(expected)) / np.sqrt(variance)
    largest: Float64 = unlike.max(axis=-1, initial=0.0)
    return largest


def differences(first_run: Float64, other: Float64, wander: Float64) -> Float64:
    """Mean squared difference of the shapes of two histograms (..., bins), about 1 where they agree.

    The variance is Poisson's of both plus the relative variance ``wander`` of good shapes, twice. An empty
    histogram agrees with nothing.
    """
    sizes = first_run.sum(axis=-1, keepdims=True), other.sum(axis=-1, keepdims=True)
    empty = (np.minimum(*sizes) <= 0)[..., 0]
    first, second = (np.maximum(size, 1.0) for size in sizes)
    share = (first_run + other + 0.5) / (first + second + 0.5 * first_run.shape[-1])
    variance = share * (1 / first + 1 / second) + 2.0 * wander * share**2
    distance: Float64 = ((first_run / first - other / second) ** 2 / variance).mean(axis=-1)
    distance[empty] = np.inf
    return distance


def lasting(counts: Float64, recent: Float64, faulty: Mask, wander: Float64) -> tuple[Mask, Float64]:
    """Whether the shape of the newest run is there to stay, (n,), and the sum of the runs that show it.

    ``counts`` (n, bins) is the newest run, ``recent`` (r, n, bins) the runs before; at most ``WITHIN - 1`` count.
    ``faulty`` (r + 1, n) says where bins stand out, the newest run last. A shape is not there to stay if a bin stands
    out in any run that shows it: a small run hides what a large one tells.
    """
    before = recent[-(WITHIN - 1) :]
    like = differences(counts[None], before, wander) < ALIKE
    clean = ~(np.concatenate([like & faulty[:-1][-(WITHIN - 1) :], faulty[-1:]])).any(axis=0)
    total: Float64 = counts + (before * like[..., None]).sum(axis=0)
    return clean & (1 + like.sum(axis=0) >= PERSISTS), total


KEEP = 0.9
"""Share of the old template's counts that stays when a run is added."""
KEEP_WANDER = 0.95
TOLERANCE = 0.01
"""Relative spread of good shapes that is always allowed, as in the frozen reference."""
NEAR = 4.0
"""Mean squared pull up to which a run is good with confidence."""
LEAST_COUNTS = 100.0
"""Histograms with fewer counts neither add to the template nor are judged by it."""

_LEAST_EXPECTED = 20.0
_MOST_PULL = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class AdaptiveTemplate:
    """``share`` (n, bins) of all counts, by ``size`` (n,) effective counts; ``wander`` (n, bins) of good runs.

    ``wander`` is a relative variance beyond Poisson. ``size`` 0: nothing has been seen.
    """

    share: Float64
    size: Float64
    wander: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one run (n,) was to the template: ``distance`` is the mean squared pull, ``outlier`` the largest contrast.

    ``added`` says where it was added, ``adopted`` where its shape replaced the template.
    """

    distance: Float64
    outlier: Float64
    added: Mask
    adopted: Mask

    @property
    def score(self) -> Float64:
        """How bad the run looks: what all bins do together, plus what one bin does against its neighbours."""
        return self.distance + self.outlier**2


def blank(elements: int, bins: int) -> AdaptiveTemplate:
    """A template that has seen nothing; the first run with enough counts will be taken as it is."""
    return AdaptiveTemplate(
        np.full((elements, bins), 1.0 / bins), np.zeros(elements), np.full((elements, bins), TOLERANCE**2)
    )


def follow(
    template: AdaptiveTemplate,
    counts: Float64,
    recent: Sequence[Float64],
    trusted: Mask | None = None,
    fault_free: Float64 | None = None,
) -> tuple[AdaptiveTemplate, Step]:
    """The template after a run with ``counts`` (n, bins), and what the run was to the template before.

    ``recent`` are the runs before, the newest last. ``trusted`` (n,) is False where other tests condemn the run:
    then it is not added, and can only be adopted if it lasts; ``recent`` must be empty of counts where a run was
    judged otherwise than this one. ``fault_free`` (n, bins) are shares of histograms without faults: a bin that does
    not stand out against these is no fault, so that the template recovers from conditions that were unlike any other.
    """
    enough = counts.sum(axis=-1) >= LEAST_COUNTS
    first = enough & (template.size <= 0)
    expected = template.share * counts.sum(axis=-1, keepdims=True)
    distance = np.where(enough & ~first, _distance(template, counts, expected), 0.0)
    outlier = np.where(enough & ~first, stands_out(counts, expected, template.wander), 0.0)
    near = enough & ~first & (distance < NEAR) & (outlier < STANDS_OUT)
    added = near if trusted is None else near & trusted
    stays, total = _lasting(template, counts, recent, fault_free)
    adopted = enough & ~first & ~added & stays
    after = _replaced(_added(template, counts, added), total, adopted)
    return _replaced(after, counts, first), Step(distance, outlier, added | first, adopted)


def _distance(template: AdaptiveTemplate, counts: Float64, expected: Float64) -> Float64:
    size = counts.sum(axis=-1, keepdims=True)
    own = size / np.maximum(template.size[:, None], 1.0)
    variance = expected * (1.0 + own) + template.wander * expected**2 + 1.0
    squares = np.minimum((counts - expected) ** 2 / variance, _MOST_PULL**2)
    distance: Float64 = squares.mean(axis=-1)
    return distance


def _lasting(
    template: AdaptiveTemplate, counts: Float64, recent: Sequence[Float64], fault_free: Float64 | None
) -> tuple[Mask, Float64]:
    """Bins that stand out in the template stay unremarkable when its shape moves little; see ``stands_out``."""
    runs = np.stack([*recent[-(WITHIN - 1) :], counts])
    faulty = _faulty(runs, template.share, template.wander)
    if fault_free is not None:
        faulty &= _faulty(runs, fault_free, template.wander)
    return lasting(counts, runs[:-1], faulty, template.wander)


def _faulty(runs: Float64, share: Float64, wander: Float64) -> Mask:
    """Where a bin of ``runs`` (r, n, bins) stands out as it does not in ``share`` (n, bins); (r, n)."""
    faulty: Mask = stands_out(runs, share * runs.sum(axis=-1, keepdims=True), wander) >= STANDS_OUT
    return faulty


def _added(template: AdaptiveTemplate, counts: Float64, where: Mask) -> AdaptiveTemplate:
    """Counts are added with the weight of their number; the wander learns from what Poisson does not explain."""
    size = counts.sum(axis=-1)
    old = KEEP * template.size
    after = old + size
    share = (template.share * old[:, None] + counts) / np.maximum(after, 1.0)[:, None]
    rows = where[:, None]
    return AdaptiveTemplate(
        np.where(rows, share, template.share),
        np.where(where, after, template.size),
        np.where(rows, _wander(template, counts, size[:, None]), template.wander),
    )


def _wander(template: AdaptiveTemplate, counts: Float64, size: Float64) -> Float64:
    expected = template.share * size
    chance = expected * (1.0 + size / np.maximum(template.size[:, None], 1.0))
    excess = ((counts - expected) ** 2 - chance) / np.maximum(expected, 1.0) ** 2
    learned = KEEP_WANDER * template.wander + (1.0 - KEEP_WANDER) * excess
    return np.where(expected > _LEAST_EXPECTED, np.maximum(learned, TOLERANCE**2), template.wander)


def _replaced(template: AdaptiveTemplate, counts: Float64, where: Mask) -> AdaptiveTemplate:
    """The shape of ``counts`` where asked for; how far good runs wander is kept."""
    size = counts.sum(axis=-1)
    share = (counts + 0.5) / (size + 0.5 * counts.shape[-1])[:, None]
    return AdaptiveTemplate(
        np.where(where[:, None], share, template.share), np.where(where, size, template.size), template.wander
    )
