"""Training a model of trigger rates from good lumisections.

Where the seeds of a dozen paths and all prescales are told, rates are judged with their seeds: in order of time the
first 60 % make curves and network, of which the last fifth says when the network's training stops; the rest, which
neither has seen, calibrates. The cut lies between two runs. Otherwise each rate is judged by itself
(:mod:`dqm.rates.levels.model`).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from conf.settings import RateSettings
from dqm.core.bundle_files import TrainingError
from dqm.core.combination import of_elements
from dqm.core.threads import one_thread
from dqm.rates.bundle import KIND, RateBundle, save
from dqm.rates.calibration import calibrate
from dqm.rates.columns import Columns
from dqm.rates.curves import Curves, spread_of
from dqm.rates.curves import fit as fit_curves
from dqm.rates.levels.model import LevelModel
from dqm.rates.levels.model import learn as learn_levels
from dqm.rates.levels.readings import Readings, read
from dqm.rates.model import RateModel
from dqm.rates.observed import Observed, carried, is_usable, joined, observed, unusable_reason
from dqm.rates.residuals import Expectation, RateResiduals, rate_residuals, relative_to
from dqm.statistics.conformal import ConformalTable
from streams.arrays import Float64
from streams.records import LumisectionKey, TriggerMenu, TriggerRates

Progress = Callable[[str, float], None]

LEAST_LUMISECTIONS = 200
LEAST_PATHS = 12
"""Of fewer a network learns nothing that their own levels do not say."""
TRAINING_SHARE, HELD_SHARE = 0.6, 0.2

_AT_ONCE = 512


def train(
    rates: Iterable[TriggerRates],
    folder: Path,
    settings: RateSettings,
    rng: np.random.Generator,
    progress: Progress,
    trained_s: float | None = None,
) -> RateBundle:
    """Train on good ``rates`` in order of time and save the bundle to ``folder``.

    What was recorded without stable beams, with little pileup or hardly live is left out. ``trained_s``, s since 1970,
    is written into the manifest. Raises TrainingError for too few lumisections.
    """
    progress("reading", 0.0)
    rates = iter(rates)
    begin = _until_usable(rates)
    rates = chain(begin, rates)
    dated = {} if trained_s is None else {"trained_s": trained_s}
    model: RateModel | LevelModel
    if begin and tells_seeds(begin[-1]):
        keys, observations, menu = _read(rates)
        cut = _cut(keys)
        with one_thread():
            progress("fitting curves", 0.1)
            model = learn(menu, keys, observations, cut, rng, lambda: progress("training the network", 0.3))
        manifest = {
            "lumisections": [cut, len(keys) - cut],
            "data": _hash(observations.counts, observations.exposure),
            **dated,
        }
    else:
        menu, readings = _readings(rates)
        with one_thread():
            progress("following levels", 0.3)
            model = learn_levels(menu, readings)
        used = int(readings.usable.sum())
        manifest = {"lumisections": [used, used], "data": _hash(readings.counts, readings.luminosity), **dated}
    progress("saving", 0.97)
    saved = save(RateBundle(settings.model, "", model, {"kind": KIND, **manifest}), folder)
    progress("done", 1.0)
    return saved


def learn(
    menu: TriggerMenu,
    keys: Sequence[LumisectionKey],
    observations: Observed,
    cut: int,
    rng: np.random.Generator,
    before_network: Callable[[], None] = lambda: None,
) -> RateModel:
    """A model of the ``observations`` of usable lumisections in order of time; those from ``cut`` on calibrate."""
    learned = observations.only(np.arange(cut))
    curves = fit_curves(learned.counts, learned.exposure, learned.pileup, learned.judged)
    before_network()
    expectation = _expectation(menu, curves, keys[:cut], learned, rng)
    later = _later_residuals(expectation, observations, keys, cut)
    calibration = calibrate(later, len(menu.l1))
    p_values = calibration.p_values(later)
    together = np.array([of_elements(row) for row in p_values.rows])
    whole = ConformalTable.of(-np.log(np.maximum(together[np.isfinite(together)], 1e-300)))
    columns = Columns.of(
        zip((int(index) if index >= 0 else None for index in observations.column), observations.prescale, strict=True),
        len(menu.names),
    )
    return RateModel(expectation, calibration, columns, p_values, whole)


def _expectation(
    menu: TriggerMenu, curves: Curves, keys: Sequence[LumisectionKey], observations: Observed, rng: np.random.Generator
) -> Expectation:
    """Curves with a network trained on what they leave, drift carried from run to run."""
    # Here, because it imports TensorFlow.
    from dqm.networks.training.conditional_vae import size_for, train  # noqa: PLC0415

    by_pileup = np.concatenate(
        [
            moved.expected(observations.exposure[rows], observations.pileup[rows])
            for rows, moved in carried(curves, observations, keys)
        ]
    )
    judged = observations.judged & curves.is_fitted
    relative = relative_to(observations.counts, np.maximum(by_pileup, 1e-9), judged)
    unit = np.sqrt((relative**2).sum(axis=0) / np.maximum(judged.sum(axis=0), 1))
    unit = np.where(unit > 0, unit, 1.0)
    units = (relative / unit).astype(np.float32)
    seeds, stop = len(menu.l1), round((1 - HELD_SHARE) * len(keys))
    condition, paths = units[:, :seeds], units[:, seeds:]
    network = train((paths[:stop], condition[:stop]), (paths[stop:], condition[stop:]), rng, size_for(paths.shape[1]))
    first = Expectation(menu, curves, network, unit, curves.spread.copy())
    late = observations.only(np.arange(stop, len(keys)))
    residuals = rate_residuals(first, replace(late, exposure=late.exposure * _drift(curves, observations, keys)[stop:]))
    spread = spread_of(late.counts, residuals.expected, residuals.judged)
    spread[:seeds] = curves.spread[:seeds]
    return replace(first, spread=spread)


def _drift(curves: Curves, observations: Observed, keys: Sequence[LumisectionKey]) -> Float64:
    """Factors (L, n) by which rates had drifted before each run."""
    return np.concatenate(
        [moved.drift(observations.pileup[rows]) for rows, moved in carried(curves, observations, keys)]
    )


def _later_residuals(
    expectation: Expectation, observations: Observed, keys: Sequence[LumisectionKey], cut: int
) -> RateResiduals:
    """Lumisections from ``cut`` on, with the drift that was carried to their runs from the first on."""
    drift = _drift(expectation.curves, observations, keys)[cut:]
    late = observations.only(np.arange(cut, len(keys)))
    return rate_residuals(expectation, replace(late, exposure=late.exposure * drift))


def tells_seeds(record: TriggerRates) -> bool:
    """Whether rates can be judged with their seeds: enough paths have one, and all prescales are told."""
    complete = not (np.isnan(record.l1_prescales).any() or np.isnan(record.hlt_prescales).any())
    return len(record.menu.hlt) >= LEAST_PATHS and complete


def _until_usable(rates: Iterator[TriggerRates]) -> list[TriggerRates]:
    """Those that come up to the first that can be judged, which is the last of them."""
    begin = []
    for record in rates:
        begin.append(record)
        if is_usable(record.conditions):
            break
    return begin


def _readings(rates: Iterable[TriggerRates]) -> tuple[TriggerMenu, Readings]:
    """All lumisections, since what is usable is judged by those around it, and all rates that any of them has."""
    records = list(rates)
    reasons = Counter(unusable_reason(record.conditions) for record in records)
    if reasons[""] < LEAST_LUMISECTIONS:
        raise _too_few(reasons)
    menu = joined_menu(record.menu for record in records)
    return menu, read(records, menu.names)


def _too_few(reasons: Counter[str]) -> TrainingError:
    """What is missing; ``reasons`` counts lumisections by why they cannot be used, and under "" those that can."""
    reasons_of_others = "".join(f"; {count}: {reason}" for reason, count in reasons.most_common() if reason)
    usable = f"{reasons['']} usable lumisections of {reasons.total()}"
    return TrainingError(f"{usable} are too few; a model needs {LEAST_LUMISECTIONS}{reasons_of_others}")


def joined_menu(menus: Iterable[TriggerMenu]) -> TriggerMenu:
    """All seeds and paths of some menus, without versions."""
    distinct = list({id(menu): menu for menu in menus}.values())
    l1 = {name: None for menu in distinct for name in menu.l1}
    seed_of = {name: menu.l1[seed] for menu in distinct for name, seed in zip(menu.hlt, menu.seed_of, strict=True)}
    place = {name: at for at, name in enumerate(l1)}
    return TriggerMenu(tuple(l1), tuple(seed_of), tuple(place[seed] for seed in seed_of.values()))


def _read(rates: Iterable[TriggerRates]) -> tuple[list[LumisectionKey], Observed, TriggerMenu]:
    """Keys and contents of usable lumisections, in the order of the first menu that comes."""
    reasons: Counter[str] = Counter()

    def only_usable() -> Iterator[TriggerRates]:
        for record in rates:
            conditions = record.conditions
            untold = "prescale_index is not told" if conditions.prescale_index is None else ""
            reason = unusable_reason(conditions) or untold
            reasons[reason] += 1
            if not reason:
                yield record

    usable = only_usable()
    keys: list[LumisectionKey] = []
    parts: list[Observed] = []
    menu: TriggerMenu | None = None
    while chunk := list(islice(usable, _AT_ONCE)):
        menu = menu or chunk[0].menu
        keys += [record.key for record in chunk]
        parts.append(observed(chunk, menu))
    if menu is None or len(keys) < LEAST_LUMISECTIONS:
        raise _too_few(reasons)
    return keys, joined(parts), menu


def _cut(keys: Sequence[LumisectionKey]) -> int:
    """Where calibration begins: between two runs if one ends within a tenth of all, otherwise just there."""
    aim = round(TRAINING_SHARE * len(keys))
    ends = [at for at in range(1, len(keys)) if keys[at].run != keys[at - 1].run]
    nearest = min(ends, key=lambda at: abs(at - aim), default=aim)
    return nearest if abs(nearest - aim) <= 0.1 * len(keys) else aim


def _hash(*numbers: Float64) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in numbers)).hexdigest()
