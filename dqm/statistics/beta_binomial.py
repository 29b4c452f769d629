"""Pulls of counts against a reference of finite statistics.

Given a reference histogram with ``r`` of ``R`` counts in a bin, the number ``n`` of ``N`` counts found there
is beta-binomial with alpha = r + 1 and beta = R - r + 1 (AutoDQM: V. Wachter et al., "AutoDQM: a statistical
tool for monitoring data quality in the CMS detector", 2025, arXiv:2501.13789). The pull is the signed root of
twice the log-likelihood ratio between the mode and what was found.

:func:`exact_pulls` is that definition. :func:`fast_pulls` needs no logarithms and is what runs in the loop: the
deviance of a Poisson count is a function of sqrt(n / e) alone times e, and that function is close to a ratio of
two straight lines. tests/dqm/statistics/test_beta_binomial.py states how far apart the two may be.
"""

import numpy as np
from scipy.special import betaln, gammaln

from streams.arrays import Float32, Float64

CONTINUITY = np.float32(0.375)
"""Added to counts and expectation alike (Anscombe 1948), so that empty bins where none is expected pull nothing."""

_FLOOR, _SLOPE, _POLE = np.float32(1.211), np.float32(1.502), np.float32(1.713)
"""sqrt(deviance) / (2 sqrt(e) |r - 1|) = (floor + slope r) / (pole + r) with r = sqrt(n / e): right at
r = 0 (sqrt(1/2)), at r = 1 (1) and at r = 3, and within 2 % in between."""


def exact_pulls(counts: Float64, reference: Float64) -> Float64:
    """Signed beta-binomial pulls, shape of ``counts``; both (..., bins) and non-negative.

    N and R are the sums over the last axis. A histogram without counts pulls nothing.
    """
    total = counts.sum(axis=-1, keepdims=True)
    alpha = reference + 1.0
    beta = reference.sum(axis=-1, keepdims=True) - reference + 1.0
    mode = _mode(total, alpha, beta)
    ratio = log_probability(mode, total, alpha, beta) - log_probability(counts, total, alpha, beta)
    pulls: Float64 = np.sign(counts - mode) * np.sqrt(2.0 * np.maximum(ratio, 0.0))
    return pulls


def log_probability(n: Float64, total: Float64, alpha: Float64, beta: Float64) -> Float64:
    """Logarithm of the beta-binomial probability of ``n`` in ``total``, for real ``n`` in [0, total]."""
    choose = gammaln(total + 1.0) - gammaln(n + 1.0) - gammaln(total - n + 1.0)
    value: Float64 = choose + betaln(n + alpha, total - n + beta) - betaln(alpha, beta)
    return value


def _mode(total: Float64, alpha: Float64, beta: Float64) -> Float64:
    """The likeliest whole number; alpha, beta >= 1 make the distribution unimodal."""
    peak = (total + 1.0) * (alpha - 1.0) / np.maximum(alpha + beta - 2.0, 1e-300)
    mode: Float64 = np.clip(np.floor(peak), 0.0, total)
    return mode


def fast_pulls(counts: Float32, expected: Float32, wander: Float32) -> Float32:
    """Signed pulls in standard deviations, new array of the shape of ``counts``.

    ``expected`` is what the reference predicts and is overwritten; ``wander`` is the relative variance of the
    expectation itself: 1 / (counts of the reference bin) and the systematic part. The variance of a bin is
    e + wander e^2, which is that of the beta-binomial for bins that hold a small part of all counts.
    """
    expected += CONTINUITY
    root = counts + CONTINUITY
    root /= expected
    np.sqrt(root, out=root)
    pulls = root * _SLOPE
    pulls += _FLOOR
    pulls *= root - np.float32(1.0)
    root += _POLE
    pulls /= root
    np.multiply(expected, wander, out=root)
    root += np.float32(1.0)
    expected *= np.float32(4.0)
    expected /= root
    np.sqrt(expected, out=expected)
    pulls *= expected
    return pulls


def ratios(pulls: Float32, precision: Float32) -> Float32:
    """Counts over expectation, from :func:`fast_pulls` and what they leave in ``expected``; any one shape.

    Movements that were taken out of the pulls are not in the ratios either.
    """
    # (floor + slope r) (r - 1) / (pole + r) = pull / precision is quadratic in r = sqrt(n / e).
    relative = pulls / precision
    half = np.float32(0.5) * (_SLOPE - _FLOOR + relative)
    root = (half + np.sqrt(half * half + _SLOPE * np.maximum(_FLOOR + _POLE * relative, np.float32(0.0)))) / _SLOPE
    squared: Float32 = np.square(np.maximum(root, np.float32(0.0)))
    return squared
