"""The largest errors of one lumisection: a sufficient statistic of the certification score that can be merged.

Features are seven numbers for each histogram, as in the certification of A. Pol et al. (EPJ Web Conf. 214 (2019)
06008): five quantiles, the mean and the root mean square of where the entries lie, as shares of the axis from 0 to 1.
Maps are taken cell by cell in the order in which they are flattened; inside a cell entries are spread evenly.

The score of that work, TOP100, is the mean of the 100 largest squared errors: features that behave well must not dilute
those that do not. The largest of a union are among the largest of its parts, so that parts of a lumisection add up
without the features themselves. Where two parts hold the same feature the larger error stands, so that neither order
nor repetition matters.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.arrays import Float32, Indices, Mask

Int32 = npt.NDArray[np.int32]

NOTHING = -1
"""Stands for a feature where there are fewer than are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Largest:
    """For each member of an ensemble the largest squared errors, greatest first: (members, kept).

    ``features`` are numbered ME by ME: ``7 * row + number``. Unused places hold feature -1 and error 0.
    """

    errors: Float32
    features: Int32

    @classmethod
    def of(cls, errors: Float32, use: Mask, most: int) -> "Largest":
        """The ``most`` largest of ``errors`` (members, f), as far as ``use`` (f,) says."""
        features = np.flatnonzero(use).astype(np.int32)
        errors = errors[:, use]
        if errors.shape[1] > most:
            # To sort all would take most of the time of scoring: those below the last one that is kept are left out.
            last = np.partition(errors, -most, axis=1)[:, -most, None]
            candidates = (errors >= last).any(axis=0)
            errors, features = errors[:, candidates], features[candidates]
        return _first(errors, np.broadcast_to(features, errors.shape), most)

    def merged(self, other: "Largest") -> "Largest":
        """Of both; the same whichever is asked, and unchanged by what is in it already."""
        most = self.errors.shape[1]
        errors = np.concatenate([self.errors, other.errors], axis=1)
        features = np.concatenate([self.features, other.features], axis=1)
        order = _order(errors, features)
        errors, features = np.take_along_axis(errors, order, axis=1), np.take_along_axis(features, order, axis=1)
        # In this order the larger error of a feature stands first.
        again = np.array([_repeated(row) for row in features])
        return _first(np.where(again, 0, errors), np.where(again, NOTHING, features), most)

    def moved(self, rows: Indices, numbers: int) -> "Largest":
        """The same with MEs numbered anew: ``rows`` (n,) holds the new row of each, -1 where it is dropped.

        ``numbers`` are the features of one ME.
        """
        table = np.append(rows, NOTHING)
        row = table[np.where(self.features < 0, len(rows), self.features // numbers)]
        features = np.where(row < 0, NOTHING, row * numbers + self.features % numbers)
        return _first(np.where(row < 0, 0, self.errors), features, self.errors.shape[1])

    def scores(self) -> Float32:
        """Mean of what is kept for each member, (members,); NaN where nothing is."""
        is_filled = self.features >= 0
        with np.errstate(invalid="ignore"):
            scores: Float32 = self.errors.sum(axis=1) / is_filled.sum(axis=1, dtype=np.float32)
        return scores

    def same(self, other: "Largest") -> bool:
        """Whether both hold the same, bit by bit."""
        return bool(np.array_equal(self.errors, other.errors) and np.array_equal(self.features, other.features))


def _first(errors: Float32, features: Int32, most: int) -> Largest:
    """The first ``most`` in order, with empty places where there are fewer."""
    order = _order(errors, features)[:, :most]
    first = np.zeros((len(errors), most), dtype=np.float32)
    numbers = np.full((len(errors), most), NOTHING, dtype=np.int32)
    first[:, : order.shape[1]] = np.take_along_axis(errors, order, axis=1)
    numbers[:, : order.shape[1]] = np.take_along_axis(features, order, axis=1)
    return Largest(first, numbers)


def _order(errors: Float32, features: Int32) -> Indices:
    """Greatest error first, equal ones by feature, empty places last."""
    order: Indices = np.lexsort((features, -errors, features < 0), axis=1)
    return order


def _repeated(features: Int32) -> Mask:
    """Which of ``features`` (f,) stood before."""
    again = np.ones(len(features), dtype=np.bool_)
    again[np.unique(features, return_index=True)[1]] = False
    return again & (features >= 0)


QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
NAMES = ("10% quantile", "25% quantile", "median", "75% quantile", "90% quantile", "mean", "rms")
NUMBERS = len(NAMES)


def summaries(counts: Float32) -> Float32:
    """The seven numbers (..., 7) of ``counts`` (..., bins), which are not negative; NaN for an empty histogram.

    The numbers of a histogram depend on nothing but its own counts, to the last bit.
    """
    bins = counts.shape[-1]
    numbers = np.empty((*counts.shape[:-1], NUMBERS), dtype=np.float32)
    below = np.cumsum(counts, axis=-1)
    total = below[..., -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        for place, share in enumerate(QUANTILES):
            numbers[..., place] = _quantile(counts, below, total * np.float32(share))
        # About the middle of the axis, so that the square of the mean takes away little.
        at = ((np.arange(bins) + 0.5) / bins - 0.5).astype(np.float32)
        mean = np.vecdot(counts, at) / total
        numbers[..., -2] = mean + np.float32(0.5)
        numbers[..., -1] = np.sqrt(np.maximum(np.vecdot(counts, at * at) / total - mean * mean, 0.0))
    numbers[total <= 0] = np.nan
    return numbers


def _quantile(counts: Float32, below: Float32, target: Float32) -> Float32:
    """Where the cumulative sums ``below`` (..., bins) reach ``target`` (...), by a straight line inside the cell."""
    cell = np.argmax(below >= target[..., None], axis=-1)[..., None]
    upper = np.take_along_axis(below, cell, axis=-1)[..., 0]
    content = np.take_along_axis(counts, cell, axis=-1)[..., 0]
    inside = np.clip((upper - target) / np.maximum(content, np.float32(1e-30)), 0.0, 1.0)
    place: Float32 = (cell[..., 0] + np.float32(1.0) - inside) / np.float32(counts.shape[-1])
    return place.astype(np.float32)
