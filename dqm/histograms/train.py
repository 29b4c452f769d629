"""Training a bundle from good lumisections, in order of time; how runs are shared is in dqm/histograms/fitting.py."""

import hashlib
import platform
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from conf.settings import DqmSettings
from dqm.core import combination
from dqm.core.bundle_files import TrainingError
from dqm.core.combination import folders
from dqm.core.digests import digests
from dqm.core.pileup import pileup_scale
from dqm.core.threads import one_thread
from dqm.histograms import fitting
from dqm.histograms.alignment import align
from dqm.histograms.bundle import Bundle, SubsystemModel, save
from dqm.histograms.certification import train as certification
from dqm.histograms.certification.attribution import features_of_groups
from dqm.histograms.certification.model import CertificationModel
from dqm.histograms.fitting import TRAINING_SHARE, GoodHistograms
from streams.arrays import Float32, Int64
from streams.records import Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

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
    good.require_any()
    cut = _cut(good.runs)
    scale = pileup_scale(good.conditions[:cut] or good.conditions)
    # A whole run has no pileup of its own, and what is expected of it follows the latest runs.
    pileup = np.array(
        [0.0 if good.whole_runs else scale.standardised(condition) for condition in good.conditions], dtype=np.float32
    )
    models: dict[str, SubsystemModel] = {}
    folder_p: list[Float32] = []
    certification_p: list[Float32] = []
    metrics: dict[str, dict[str, float]] = {}
    for place, subsystem in enumerate(good.subsystems):
        progress(f"training {subsystem}", 0.1 + 0.85 * place / len(good.subsystems))
        part = _gathered(good, subsystem, pileup)
        fitted = fitting.fit(part, settings, rng, whole_runs=good.whole_runs)
        models[subsystem], p_values = fitted.model, fitted.p_values
        folder_p.append(_folder_p(part.catalogue, p_values))
        if settings.certification != "none":
            whole, opinions = _certification(part, cut, settings, rng)
            models[subsystem] = replace(models[subsystem], certification=whole)
            certification_p.append(combination.folder_p(opinions, part.catalogue))
        metrics[subsystem] = _metrics(models[subsystem], p_values)
    progress("saving", 0.97)
    manifest = {**_manifest(good, settings, metrics), **dated}
    bundle = Bundle(settings.model, "", models, scale, np.concatenate(folder_p), good.whole_runs, manifest)
    if certification_p:
        bundle = replace(bundle, certification_p=np.concatenate(certification_p))
    saved = save(bundle, folder)
    progress("done", 1.0)
    return saved


@dataclass(frozen=True, eq=False)
class _Good:
    """Good lumisections in order of time, and their batches."""

    keys: list[LumisectionKey]
    conditions: list[Conditions]
    batches: dict[str, list[tuple[int, HistogramBatch]]]
    data_hash: str

    @classmethod
    def read(cls, batches: Iterable[HistogramBatch], settings: DqmSettings) -> "_Good":
        sampled: dict[LumisectionKey, list[HistogramBatch]] = {}
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
            sampled.setdefault(batch.key, []).append(batch)
            used += sum(counts.size for counts in batch.counts) * 4
            while used > MOST_BYTES:
                stride *= 2
                sampled = {key: of_key for key, of_key in sampled.items() if not (ordinals[key] // STRETCH) % stride}
                used //= 2
        keys = sorted(sampled)
        by_subsystem: dict[str, list[tuple[int, HistogramBatch]]] = defaultdict(list)
        for place, key in enumerate(keys):
            for batch in sampled[key]:
                by_subsystem[batch.subsystem].append((place, batch))
        return cls(keys, [sampled[key][0].conditions for key in keys], dict(by_subsystem), content.hexdigest())

    @property
    def subsystems(self) -> list[str]:
        return sorted(self.batches)

    @cached_property
    def runs(self) -> Int64:
        """Run numbers (L,)."""
        return np.array([key.run for key in self.keys], dtype=np.int64)

    @property
    def whole_runs(self) -> bool:
        """Whether each run is one histogram of each ME: number 0, or the only lumisection of its run."""
        return all(key.ls == 0 for key in self.keys) or (
            len(self.keys) > 1 and len(np.unique(self.runs)) == len(self.keys)
        )

    def require_any(self) -> None:
        if not self.keys:
            raise TrainingError(
                "no good lumisections were given: give files that hold some, and look whether beams_stable is right"
            )


def _content(batch: HistogramBatch) -> bytes:
    """Digests of a batch, for the hash of all training data."""
    head = f"{batch.key.run}:{batch.key.ls}:{batch.subsystem}:{batch.catalogue.digest}".encode()
    rows = [
        digests(counts, batch.flow[block.start : block.stop], batch.entries[block.start : block.stop])
        for block, counts in zip(batch.catalogue.blocks, batch.counts, strict=True)
    ]
    return head + b"".join(digest.astype("<u8").tobytes() for digest in rows)


def _cut(runs: Int64) -> int:
    """Where certification begins to calibrate: at the start of the run nearest to 60 %; there if there is one run."""
    starts = np.flatnonzero(np.diff(runs)) + 1
    target = int(TRAINING_SHARE * len(runs))
    return int(starts[np.argmin(np.abs(starts - target))]) if len(starts) else target


def _gathered(good: "_Good", subsystem: str, pileup: Float32) -> GoodHistograms:
    """The histograms of ``subsystem``; its batches are freed."""
    batches = good.batches[subsystem]
    catalogue = _union(subsystem, [batch for _, batch in batches])
    n, lumisections = len(catalogue), len(good.keys)
    counts = [np.zeros((lumisections, b.stop - b.start, b.bins), dtype=np.float32) for b in catalogue.blocks]
    present = np.zeros((lumisections, n), dtype=np.bool_)
    entries = np.zeros((lumisections, n))
    while batches:
        at, batch = batches.pop()
        gathered, presence = align(batch.catalogue, catalogue).gathered(batch, catalogue)
        present[at] |= presence.present
        entries[at] += presence.entries
        for whole, part in zip(counts, gathered, strict=True):
            whole[at] += part
    totals = np.concatenate([block.sum(axis=-1, dtype=np.float64) for block in counts], axis=1)
    return GoodHistograms(
        subsystem, catalogue, counts, np.minimum(entries, totals), present, good.conditions, pileup, good.runs
    )


def _union(subsystem: str, batches: Sequence[HistogramBatch]) -> Catalogue:
    """All MEs of the batches; raises TrainingError for an ME that changes its axes."""
    catalogues = {id(batch.catalogue): batch.catalogue for batch in batches}
    elements: dict[str, MonitoringElement] = {}
    distinct = {catalogue.digest: catalogue for catalogue in catalogues.values()}
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


def _certification(
    part: GoodHistograms, cut: int, settings: DqmSettings, rng: np.random.Generator
) -> tuple[CertificationModel, list[combination.SubsystemOpinion | None]]:
    """The certification model of a subsystem, and what it thinks of its calibration lumisections."""
    assert settings.certification != "none"  # noqa: S101 - the caller has looked
    good = certification.Good(
        summaries=np.array(
            [features_of_groups([counts[at] for counts in part.counts]) for at in range(len(part.runs))]
        ),
        totals=np.concatenate([counts.sum(axis=-1) for counts in part.counts], axis=1),
        pileup=part.pileup,
        use=part.present & (part.statistics >= settings.min_entries),
        bins=np.repeat([block.bins for block in part.catalogue.blocks], [len(counts[0]) for counts in part.counts]),
        runs=part.runs,
        conditions=part.conditions,
    )
    return certification.fit(good, cut, settings.certification, rng)


def _folder_p(catalogue: Catalogue, p_values: Float32) -> Float32:
    grouped = folders(catalogue)
    rows = np.array([grouped.simes(row) for row in p_values], dtype=np.float32)
    return rows.reshape(len(p_values), len(grouped.names)).T


def _metrics(model: SubsystemModel, p_values: Float32) -> dict[str, float]:
    """What a person wants to know of a trained subsystem: its size and how small its p-values can be."""
    pool = model.combined.pool
    return {
        "elements": float(len(model.catalogue)),
        "elements_judged": float(model.normaliser.judged.sum()),
        "calibration_scores": float(np.isfinite(p_values).sum()),
        "p_value_resolution": 1.0 / (pool + 1.0),
    }


def _manifest(good: _Good, settings: DqmSettings, metrics: dict[str, dict[str, float]]) -> dict[str, object]:
    return {
        "data": good.data_hash,
        "libraries": {"python": platform.python_version(), **{name: _version(name) for name in _LIBRARIES}},
        "settings": settings.model_dump(mode="json"),
        "metrics": metrics,
        **{
            name: _period([good.keys[at] for at in places])
            for name, places in fitting.periods(good.runs, whole_runs=good.whole_runs).items()
        },
    }


def _period(keys: Sequence[LumisectionKey]) -> dict[str, object]:
    return {
        "first": _shown(keys[0]) if keys else "",
        "last": _shown(keys[-1]) if keys else "",
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
