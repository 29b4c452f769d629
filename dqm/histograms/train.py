"""Training a bundle from good lumisections.

The lumisections are taken in order of time. The first 60 % train references and networks; the rest, which
training never sees, calibrates. The cut is put between two runs where one ends near there.
"""

import hashlib
import platform
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from conf.settings import DqmSettings
from dqm.arrays import Float32, Float64, Mask
from dqm.core import combination
from dqm.core.calibration import calibrate
from dqm.core.combination import folders, of_elements
from dqm.core.digests import digests
from dqm.core.errors import TrainingError
from dqm.core.pileup import pileup_scale
from dqm.core.threads import one_thread
from dqm.histograms import group
from dqm.histograms.alignment import align
from dqm.histograms.bundle import Bundle, SubsystemModel, save
from dqm.histograms.certification import train as certification
from dqm.histograms.certification.attribution import features_of_groups
from dqm.histograms.certification.model import CertificationModel
from dqm.histograms.occupancy.shapes import kind
from dqm.histograms.references import entries as entries_model
from dqm.histograms.references import frozen
from dqm.histograms.scorers import REGISTRY
from dqm.statistics.conformal import ConformalTable
from streams.records import Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

LEAST_LUMISECTIONS = 40
TRAINING_SHARE = 0.6
MOST_BYTES = 1_500_000_000
"""Counts kept while training; when there are more, every second stretch of lumisections is left out."""

STRETCH = 32
"""Consecutive lumisections that are kept or left out together, so that windows of a few stay whole."""

Progress = Callable[[str, float], None]


def train(
    batches: Iterable[HistogramBatch],
    folder: Path,
    settings: DqmSettings,
    rng: np.random.Generator,
    progress: Progress,
    now_s: float | None = None,
) -> Bundle:
    """Train on good ``batches`` and save the bundle to ``folder``.

    Lumisections without stable beams are left out if the settings require those. ``progress`` is told what is
    being done and what share of all is done. ``now_s``, s since 1970, is written into the manifest, so that the
    age of the model is known. Raises TrainingError for too few lumisections.
    """
    dated = {} if now_s is None else {"trained_s": now_s}
    with one_thread():
        return _train(batches, folder, settings, rng, progress, dated)


def _train(
    batches: Iterable[HistogramBatch],
    folder: Path,
    settings: DqmSettings,
    rng: np.random.Generator,
    progress: Progress,
    dated: Mapping[str, float],
) -> Bundle:
    progress("reading", 0.0)
    good = _Good.read(batches, settings)
    good.require_enough()
    cut = _cut(good.keys)
    scale = pileup_scale(good.conditions[:cut])
    pileup = np.array([scale.standardised(condition) for condition in good.conditions], dtype=np.float32)
    models: dict[str, SubsystemModel] = {}
    folder_p: list[Float32] = []
    certification_p: list[Float32] = []
    metrics: dict[str, dict[str, float]] = {}
    for place, subsystem in enumerate(good.subsystems):
        progress(f"training {subsystem}", 0.1 + 0.85 * place / len(good.subsystems))
        part = _Part.of(good, subsystem)
        models[subsystem], p_values = _model(part, good.conditions, pileup, cut, settings, rng)
        folder_p.append(_folder_p(part.catalogue, p_values))
        if settings.certification != "none":
            whole, opinions = _certification(part, good, pileup, cut, settings, rng)
            models[subsystem] = replace(models[subsystem], certification=whole)
            certification_p.append(combination.folder_p(opinions, part.catalogue))
        metrics[subsystem] = _metrics(models[subsystem], p_values)
    progress("saving", 0.97)
    whole_runs = all(key.ls == 0 for key in good.keys)
    manifest = {**_manifest(good, cut, settings, metrics), **dated}
    bundle = Bundle(settings.model, "", models, scale, np.concatenate(folder_p), whole_runs, manifest)
    if certification_p:
        bundle = replace(bundle, certification_p=np.concatenate(certification_p))
    saved = save(bundle, folder)
    progress("done", 1.0)
    return saved


@dataclass(frozen=True, slots=True, eq=False)
class _Good:
    """Good lumisections in order of time, and their batches."""

    keys: list[LumisectionKey]
    conditions: list[Conditions]
    batches: dict[str, list[tuple[int, HistogramBatch]]]
    data_hash: str

    @classmethod
    def read(cls, batches: Iterable[HistogramBatch], settings: DqmSettings) -> "_Good":
        kept: dict[LumisectionKey, list[HistogramBatch]] = {}
        ordinals: dict[LumisectionKey, int] = {}
        used, stride = 0, 1
        content = hashlib.sha256()
        for batch in batches:
            if settings.require_stable_beams and batch.conditions.beams_stable is False:
                continue
            ordinal = ordinals.setdefault(batch.key, len(ordinals))
            if (ordinal // STRETCH) % stride:
                continue
            content.update(_content(batch))
            kept.setdefault(batch.key, []).append(batch)
            used += sum(counts.size for counts in batch.counts) * 4
            while used > MOST_BYTES:
                stride *= 2
                kept = {key: of_key for key, of_key in kept.items() if not (ordinals[key] // STRETCH) % stride}
                used //= 2
        keys = sorted(kept)
        by_subsystem: dict[str, list[tuple[int, HistogramBatch]]] = defaultdict(list)
        for place, key in enumerate(keys):
            for batch in kept[key]:
                by_subsystem[batch.subsystem].append((place, batch))
        return cls(keys, [kept[key][0].conditions for key in keys], dict(by_subsystem), content.hexdigest())

    @property
    def subsystems(self) -> list[str]:
        return sorted(self.batches)

    def require_enough(self) -> None:
        if len(self.keys) < LEAST_LUMISECTIONS:
            raise TrainingError(
                f"{len(self.keys)} good lumisections were given, at least {LEAST_LUMISECTIONS} are needed, and "
                "several hundred to tell rare from very rare; give more files, and look whether beams_stable is right"
            )


def _content(batch: HistogramBatch) -> bytes:
    """Digests of a batch, for the hash of all training data."""
    head = f"{batch.key.run}:{batch.key.ls}:{batch.subsystem}:{batch.catalogue.digest}".encode()
    rows = [
        digests(counts, batch.flow[block.start : block.stop], batch.entries[block.start : block.stop])
        for block, counts in zip(batch.catalogue.blocks, batch.counts, strict=True)
    ]
    return head + b"".join(digest.astype("<u8").tobytes() for digest in rows)


def _cut(keys: Sequence[LumisectionKey]) -> int:
    """Where calibration begins: at 60 %, or at the start of a run between 50 % and 70 % nearest to that."""
    target = int(TRAINING_SHARE * len(keys))
    starts = [at for at in range(1, len(keys)) if keys[at].run != keys[at - 1].run]
    near = [at for at in starts if 0.5 * len(keys) <= at <= 0.7 * len(keys)]
    return min(near, key=lambda at: abs(at - target)) if near else target


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One subsystem: counts (L, n, bins) of each group, statistics (L, n), and which came (L, n)."""

    subsystem: str
    catalogue: Catalogue
    counts: list[Float32]
    statistics: Float64
    came: Mask

    @classmethod
    def of(cls, good: _Good, subsystem: str) -> "_Part":
        """Gather, and free, the batches of ``subsystem``."""
        batches = good.batches[subsystem]
        catalogue = _union(subsystem, [batch for _, batch in batches])
        n, lumisections = len(catalogue), len(good.keys)
        counts = [np.zeros((lumisections, b.stop - b.start, b.bins), dtype=np.float32) for b in catalogue.blocks]
        came = np.zeros((lumisections, n), dtype=np.bool_)
        entries = np.zeros((lumisections, n))
        while batches:
            at, batch = batches.pop()
            gathered, presence = align(batch.catalogue, catalogue).gathered(batch, catalogue)
            came[at] |= presence.came
            entries[at] += presence.entries
            for whole, part in zip(counts, gathered, strict=True):
                whole[at] += part
        totals = np.concatenate([block.sum(axis=-1, dtype=np.float64) for block in counts], axis=1)
        return cls(subsystem, catalogue, counts, np.minimum(entries, totals), came)


def _union(subsystem: str, batches: Sequence[HistogramBatch]) -> Catalogue:
    """All MEs of the batches; raises TrainingError for an ME that changes its axes."""
    catalogues = {id(batch.catalogue): batch.catalogue for batch in batches}
    elements: dict[str, MonitoringElement] = {}
    distinct = {one.digest: one for one in catalogues.values()}
    if len(distinct) == 1:
        return next(iter(distinct.values()))
    for catalogue in distinct.values():
        for me in catalogue.elements:
            if elements.setdefault(me.name, me) != me:
                raise TrainingError(
                    f"{subsystem}: monitoring element {me.name!r} has {elements[me.name].axes} and {me.axes}; "
                    "train on lumisections in which its axes do not change"
                )
    return Catalogue.of(list(elements.values()))


def _model(
    part: _Part,
    conditions: list[Conditions],
    pileup: Float32,
    cut: int,
    settings: DqmSettings,
    rng: np.random.Generator,
) -> tuple[SubsystemModel, Float32]:
    """The model of a subsystem, and the p-values (L, n) of its calibration lumisections."""
    use = part.came & (part.statistics >= settings.min_entries)
    rows = [slice(block.start, block.stop) for block in part.catalogue.blocks]
    members = [_members(part.catalogue, own, settings) for own in rows]
    groups = [
        _group(counts[:cut], pileup[:cut], use[:cut, own], rng, group_members)
        for counts, own, group_members in zip(part.counts, rows, members, strict=True)
    ]
    names = group.scorers(groups)
    if not names:
        needed = min(scorer.least_histograms for scorer in REGISTRY.values())
        raise TrainingError(
            f"{part.subsystem}: no monitoring element can be judged: "
            f"{int(use[:cut].sum())} good histograms were left to learn from, at least {needed} of one shape are "
            f"needed; {cut} of {len(pileup)} lumisections train, and histograms of fewer than "
            f"{settings.min_entries:g} entries do not count: give more files"
        )
    scored = [
        trained.score(counts[cut:], pileup[cut:], names) for trained, counts in zip(groups, part.counts, strict=True)
    ]
    calibrated = calibrate(
        np.concatenate([scores for scores, _ in scored], axis=2),
        np.concatenate([totals for _, totals in scored], axis=1),
        pileup[cut:],
        use[cut:],
        rows,
        np.concatenate([trained.covered(own, names) for trained, own in zip(groups, members, strict=True)], axis=1),
    )
    seen = np.where(part.came, part.statistics, np.nan)
    model = entries_model.fit(seen[:cut], conditions[:cut])
    surprise = -np.log(np.maximum(of_elements(calibrated.p_values), 1e-300))
    return (
        SubsystemModel(
            catalogue=part.catalogue,
            groups=tuple(groups),
            entries=model,
            lack=_lack(model, seen[cut:], conditions[cut:]),
            normaliser=calibrated.normaliser,
            tables=calibrated.scorers,
            combined=calibrated.combined,
            lumisections=_table(surprise),
        ),
        calibrated.p_values,
    )


def _certification(
    part: _Part,
    read: _Good,
    pileup: Float32,
    cut: int,
    settings: DqmSettings,
    rng: np.random.Generator,
) -> tuple[CertificationModel, list[combination.SubsystemOpinion | None]]:
    """The certification model of a subsystem, and what it thinks of its calibration lumisections."""
    assert settings.certification != "none"  # noqa: S101 - the caller has looked
    good = certification.Good(
        summaries=np.array(
            [features_of_groups([counts[at] for counts in part.counts]) for at in range(len(read.keys))]
        ),
        totals=np.concatenate([counts.sum(axis=-1) for counts in part.counts], axis=1),
        pileup=pileup,
        use=part.came & (part.statistics >= settings.min_entries),
        bins=np.repeat([block.bins for block in part.catalogue.blocks], [len(counts[0]) for counts in part.counts]),
        runs=np.array([key.run for key in read.keys], dtype=np.int64),
        conditions=read.conditions,
    )
    return certification.fit(good, cut, settings.certification, rng)


def _members(catalogue: Catalogue, rows: slice, settings: DqmSettings) -> group.Members:
    own = catalogue.elements[rows]
    return group.Members(own[0].shape, tuple(kind(me, settings.occupancy_strips) for me in own))


def _group(
    counts: Float32, pileup: Float32, use: Mask, rng: np.random.Generator, members: group.Members
) -> group.Group:
    reference = frozen.fit(counts, pileup, use)
    return group.fit(counts, pileup, use, reference, int(rng.integers(2**31)), members)


def _lack(model: entries_model.EntriesModel, statistics: Float64, conditions: Sequence[Conditions]) -> ConformalTable:
    """Calibrated lack of entries: how far good lumisections lie below what is expected."""
    expected, spread = model.expected(conditions)
    return _table(model.lack(statistics, expected, spread).ravel())


def _table(pool: Float64) -> ConformalTable:
    finite = pool[np.isfinite(pool)]
    return ConformalTable.of(finite if len(finite) else np.zeros(1))


def _folder_p(catalogue: Catalogue, p_values: Float32) -> Float32:
    grouped = folders(catalogue)
    return np.array([grouped.simes(row) for row in p_values], dtype=np.float32).T


def _metrics(model: SubsystemModel, p_values: Float32) -> dict[str, float]:
    """What a person wants to know of a trained subsystem: its size and how small its p-values can be."""
    pool = model.combined.pool
    return {
        "elements": float(len(model.catalogue)),
        "elements_judged": float(model.normaliser.judged.sum()),
        "calibration_scores": float(np.isfinite(p_values).sum()),
        "p_value_resolution": 1.0 / (pool + 1.0),
    }


def _manifest(good: _Good, cut: int, settings: DqmSettings, metrics: dict[str, dict[str, float]]) -> dict[str, object]:
    return {
        "data": good.data_hash,
        "libraries": {"python": platform.python_version(), **{name: _version(name) for name in _LIBRARIES}},
        "settings": settings.model_dump(mode="json"),
        "metrics": metrics,
        "training": _period(good.keys[:cut]),
        "calibration": _period(good.keys[cut:]),
    }


def _period(keys: Sequence[LumisectionKey]) -> dict[str, object]:
    return {
        "first": _shown(keys[0]),
        "last": _shown(keys[-1]),
        "lumisections": len(keys),
        "runs": len({key.run for key in keys}),
    }


_LIBRARIES = ("numpy", "scipy", "tensorflow-cpu", "tensorflow")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _shown(key: LumisectionKey) -> str:
    return f"{key.run}:{key.ls}"
