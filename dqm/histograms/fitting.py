"""The model of one subsystem from good histograms, calibrated on runs that it has not seen.

Lumisections of one run are alike, and what is to be judged belongs to another run. So the unit is the run: it is
learned from or calibrates, never both. Where runs are many, the earlier ones train and the later ones calibrate. Where
they are few, each third of them is scored by what the others teach, so that all calibrate (cross-fitting,
V. Chernozhukov et al., Econom. J. 21 (2018) C1). Of whole runs, of which only the latest count, it is each half.
With one run nothing is known of how runs differ, and nothing is calibrated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conf.settings import DqmSettings
from dqm.core import calibration
from dqm.core.bundle_files import TrainingError
from dqm.core.combination import of_elements
from dqm.histograms import group
from dqm.histograms.bundle import SubsystemModel
from dqm.histograms.occupancy.shapes import kind
from dqm.histograms.references import entries as entries_model
from dqm.histograms.references import frozen, siblings
from dqm.histograms.run_window import RunWindow
from dqm.histograms.scorers import OF_COUNTS, OF_SHARES
from dqm.statistics.conformal import UNLIMITED, Blocks, ConformalTable
from streams.arrays import Float32, Float64, Indices, Int64, Mask
from streams.records import Catalogue, Conditions

MANY_RUNS = 20
"""From so many runs on, the earlier ones train and the later ones calibrate."""
TRAINING_SHARE = 0.6
FOLDS, FOLDS_OF_WHOLE_RUNS = 3, 2
NEARLY_EMPTY = 1e-3
"""Histograms with less than this share of the ME's median entries are in no reference and no pool."""


@dataclass(frozen=True, slots=True, eq=False)
class GoodHistograms:
    """Good histograms of one ``subsystem`` in L lumisections, in order of time.

    ``counts`` (L, n, bins) are those of each group, ``statistics`` (L, n) entries that can be judged, ``present``
    (L, n) which are there, ``conditions`` (L,), standardised ``pileup`` (L,) and run numbers ``runs`` (L,).
    """

    subsystem: str
    catalogue: Catalogue
    counts: Sequence[Float32]
    statistics: Float64
    present: Mask
    conditions: Sequence[Conditions]
    pileup: Float32
    runs: Int64


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model, and the p-values (C, n) of the lumisections ``rows`` (C,) that calibrated it."""

    model: SubsystemModel
    p_values: Float32
    rows: Indices


def fit(good: GoodHistograms, settings: DqmSettings, rng: np.random.Generator, *, whole_runs: bool) -> Fitted:
    """Learn from good histograms; raises TrainingError where there are none with enough entries.

    ``whole_runs`` says that a run has one histogram of each ME, which is then judged by its shares.
    """
    use = _usable(good, settings)
    rows = [slice(block.start, block.stop) for block in good.catalogue.blocks]
    members = [_members(good.catalogue, own, settings) for own in rows]
    scorers = OF_SHARES if whole_runs else OF_COUNTS

    def groups_of(rows_learned: Indices) -> list[group.Group]:
        return [
            _group(
                counts[rows_learned],
                good.pileup[rows_learned],
                use[rows_learned][:, own],
                good.runs[rows_learned],
                rng,
                of_group,
                scorers,
            )
            for counts, own, of_group in zip(good.counts, rows, members, strict=True)
        ]

    splits = splits_of(good.runs, whole_runs=whole_runs)
    places = periods(good.runs, whole_runs=whole_runs)
    learned, calibrating = places["training"], places["calibration"]
    trained = [groups_of(learned) for learned, _ in splits]
    groups = trained[0] if len(splits) == 1 else groups_of(learned)
    # What there was too little for without some of the runs could not be calibrated.
    groups = [own.only(*(fold[place] for fold in trained)) for place, own in enumerate(groups)]
    names = group.scorers(groups)
    if not names:
        raise TrainingError(
            f"{good.subsystem}: no monitoring element can be learned: none of {int(good.present.sum())} good "
            f"histograms has {settings.min_entries:g} entries"
        )
    covered = np.concatenate([own.covered(of, names) for own, of in zip(groups, members, strict=True)], axis=1)
    statistics = np.where(good.present & ~_nearly_empty(good, good.present), good.statistics, np.nan)
    if whole_runs:
        covered = np.concatenate([covered, np.ones((1, len(good.catalogue)), dtype=np.bool_)])
    calibrated = (
        _calibrated(good, use, trained, splits, names, covered, statistics if whole_runs else None)
        if splits
        else calibration.uncalibrated(covered, rows)
    )
    entries = entries_model.fit(statistics[learned], [good.conditions[at] for at in learned])
    lack_rows = calibrating if splits else learned
    surprise = -np.log(np.maximum(of_elements(calibrated.p_values), 1e-300))
    lack = _lack(entries, statistics[lack_rows], [good.conditions[at] for at in lack_rows])
    model = SubsystemModel(
        catalogue=good.catalogue,
        groups=tuple(groups),
        entries=entries,
        lack=_table(lack, calibrated.combined.blocks),
        excess=_table(-lack, calibrated.combined.blocks),
        normaliser=calibrated.normaliser,
        tables=calibrated.scorers,
        combined=calibrated.combined,
        lumisections=_table(surprise),
        siblings=siblings.fit(statistics, good.conditions, good.runs, good.catalogue, learned, splits),
        window=RunWindow.of(good.runs, good.counts, good.present) if whole_runs else None,
    )
    return Fitted(model, calibrated.p_values, calibrating)


def splits_of(runs: Int64, *, whole_runs: bool) -> list[tuple[Indices, Indices]]:
    """Pairs of places that are learned from and that calibrate; no run is on both sides of a pair.

    One pair, cut near 60 %, where ``runs`` (L,) are many; none where there is only one.
    """
    distinct, of = np.unique(runs, return_inverse=True)
    if len(distinct) < 2:
        return []
    if len(distinct) >= MANY_RUNS and not whole_runs:
        starts = np.flatnonzero(np.diff(of)) + 1
        cut = starts[np.argmin(np.abs(starts - TRAINING_SHARE * len(runs)))]
        return [(np.arange(cut), np.arange(cut, len(runs)))]
    folds = min(FOLDS_OF_WHOLE_RUNS if whole_runs else FOLDS, len(distinct))
    fold = of * folds // len(distinct)
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds)]


def periods(runs: Int64, *, whole_runs: bool) -> Mapping[str, Indices]:
    """Places of ``runs`` (L,) that ``training`` learns from, and of those that are the ``calibration``."""
    splits = splits_of(runs, whole_runs=whole_runs)
    everything = np.arange(len(runs))
    if not splits:
        return {"training": everything, "calibration": everything[:0]}
    return {
        "training": splits[0][0] if len(splits) == 1 else everything,
        "calibration": np.concatenate([calibrating for _, calibrating in splits]),
    }


def _usable(good: GoodHistograms, settings: DqmSettings) -> Mask:
    enough: Mask = good.present & (good.statistics >= settings.min_entries)
    return enough & ~_nearly_empty(good, enough)


def _nearly_empty(good: GoodHistograms, use: Mask) -> Mask:
    has_entries = use.any(axis=0)
    median = np.zeros(use.shape[1])
    median[has_entries] = np.nanmedian(np.where(use, good.statistics, np.nan)[:, has_entries], axis=0)
    empty: Mask = good.statistics < NEARLY_EMPTY * median
    return empty


def _calibrated(
    good: GoodHistograms,
    use: Mask,
    trained: Sequence[Sequence[group.Group]],
    splits: Sequence[tuple[Indices, Indices]],
    names: Sequence[str],
    covered: Mask,
    run_entries: Float64 | None,
) -> calibration.Calibrated:
    """Scores of all runs held back, each by the groups that have not seen it, and what they say of good ones.

    ``run_entries`` (L, n) are the entries of whole runs, whose departures are calibrated as well.
    """
    scores, totals = [], []
    for groups, (learned, held_out) in zip(trained, splits, strict=True):
        scored = [
            own.score(counts[held_out], good.pileup[held_out], names)
            for own, counts in zip(groups, good.counts, strict=True)
        ]
        of_groups = np.concatenate([own for own, _ in scored], axis=2)
        if run_entries is not None:
            departures = _departures(run_entries, good.conditions, learned, held_out)
            of_groups = np.concatenate([of_groups, departures[None]])
        scores.append(of_groups)
        totals.append(np.concatenate([own for _, own in scored], axis=1))
    held_out = np.concatenate([own for _, own in splits])
    rows = [slice(block.start, block.stop) for block in good.catalogue.blocks]
    return calibration.calibrate(
        np.concatenate(scores, axis=1),
        np.concatenate(totals),
        good.pileup[held_out],
        use[held_out],
        rows,
        covered,
        good.runs[held_out],
    )


def _departures(run_entries: Float64, conditions: Sequence[Conditions], learned: Indices, held_out: Indices) -> Float32:
    """How far the entries of runs ``held_out`` lie from the expectation of the ``learned`` ones; zero if unknown."""
    model = entries_model.fit(run_entries[learned], [conditions[at] for at in learned])
    expected, spread = model.expected([conditions[at] for at in held_out])
    return np.nan_to_num(model.departure(run_entries[held_out], expected, spread)).astype(np.float32)


def _members(catalogue: Catalogue, rows: slice, settings: DqmSettings) -> group.Members:
    own = catalogue.elements[rows]
    return group.Members(own[0].shape, tuple(kind(me, settings.occupancy_strips) for me in own))


def _group(
    counts: Float32,
    pileup: Float32,
    use: Mask,
    runs: Int64,
    rng: np.random.Generator,
    members: group.Members,
    scorers: Sequence[str],
) -> group.Group:
    reference = frozen.fit(counts, pileup, use, runs)
    return group.fit(counts, pileup, use, reference, int(rng.integers(2**31)), members, scorers)


def _lack(model: entries_model.EntriesModel, statistics: Float64, conditions: Sequence[Conditions]) -> Float64:
    """How far good lumisections lie below what is expected, of all MEs together."""
    expected, spread = model.expected(conditions)
    lack: Float64 = model.lack(statistics, expected, spread).ravel()
    return lack


def _table(pool: Float64, blocks: Blocks = UNLIMITED) -> ConformalTable:
    finite = pool[np.isfinite(pool)]
    return ConformalTable.of(finite if len(finite) else np.zeros(1), blocks)
