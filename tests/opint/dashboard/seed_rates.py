"""A store with the trigger rates of one run, in which a seed moves, a path falls and prescales change."""

from dataclasses import dataclass

import numpy as np

from conf.settings import AlertSettings
from dqm.core.quality import Evidence, Reason
from dqm.core.state import Bands, LumisectionState, SubsystemScores, SubsystemVerdict
from dqm.core.verdicts import QUALITY, Quality
from opint.incidents import update
from opint.store import lumisections
from opint.store.engine import Store
from opint.store.heartbeats import Heartbeat, beat
from streams.records import LUMISECTION_SECONDS, Conditions, LumisectionKey, TriggerMenu

DATASET = "/Simulated/Trigger-v1/RATES"
RUN = 386000
START_S = 1_725_000_000.0
CULPRIT = "L1_SingleMu22"
ALONE = "HLT_L1_DoubleEG25_Path2_v3"
GONE = "HLT_L1_HTT360_Path5_v3"
CHANGE_LS = 60
NAMES = (CULPRIT, "L1_DoubleEG25", "L1_HTT360", "L1_SingleEG36", "L1_DoubleMu_15_7", "L1_ETMHF100", "L1_SingleTau120")


@dataclass
class Site:
    """A menu, its rates at unit pileup, and how many lumisections there are."""

    menu: TriggerMenu
    level: np.ndarray
    power: np.ndarray
    count: int


def site(seeds: int = 12, per_seed: int = 8, count: int = 110) -> Site:
    rng = np.random.default_rng(3)
    l1 = (*NAMES, *(f"L1_Seed{n:02}" for n in range(len(NAMES), seeds)))[:seeds]
    hlt = tuple(f"HLT_{seed}_Path{n}_v3" for seed in l1 for n in range(per_seed))
    menu = TriggerMenu(l1, hlt, tuple(n for n in range(seeds) for _ in range(per_seed)))
    level = np.concatenate([rng.uniform(40, 220, seeds), rng.lognormal(-1.0, 0.9, len(hlt))])
    power = np.concatenate([rng.uniform(0.9, 1.4, seeds), rng.uniform(0.9, 1.6, len(hlt))])
    return Site(menu, level, power, count)


def now_s(simulated: Site) -> float:
    return START_S + simulated.count * LUMISECTION_SECONDS


def fill(store: Store, simulated: Site | None = None) -> None:
    """Make the tables and put everything in, incidents as the engine makes them."""
    simulated = simulated or site()
    store.upgrade()
    rng = np.random.default_rng(11)
    states = [_state(simulated, rng, ls) for ls in range(1, simulated.count + 1)]
    with store.begin() as tx:
        lumisections.save(tx, states, {}, now_s(simulated))
        update.update(tx, states, AlertSettings(), now_s(simulated))
        beat(tx, Heartbeat("cr01:4711:rates", START_S, now_s(simulated), "running"))


def one_more(store: Store, simulated: Site, ls: int) -> None:
    """Another judged lumisection."""
    with store.begin() as tx:
        lumisections.save(tx, [_state(simulated, np.random.default_rng(ls), ls)], {}, now_s(simulated) + ls)


def _state(simulated, rng, ls):
    menu, n = simulated.menu, len(simulated.menu.names)
    of = np.array([*range(len(menu.l1)), *menu.seed_of])
    pileup = 58.0 * np.exp(-0.0035 * ls)
    column = 2 if ls < CHANGE_LS else 3
    prescale = np.ones(n)
    prescale[len(menu.l1) :: 3] = column
    curve = simulated.level * (pileup / 50) ** simulated.power * 50 / prescale * 0.95
    expected = curve * (1 + 0.015 * rng.standard_normal(len(menu.l1)))[of]
    sigma = np.sqrt(expected / LUMISECTION_SECONDS + (0.01 * expected) ** 2)
    factor = np.ones(n)
    reasons = np.full(n, Reason.CONSISTENT, dtype=np.uint8)
    if 70 <= ls <= 95:
        factor[of == menu.l1.index(CULPRIT)] = 1.35
        reasons[of == menu.l1.index(CULPRIT)] = Reason.SEED_MOVED
    alone, gone = menu.names.index(f"L1_DoubleEG25/{ALONE}"), menu.names.index(f"L1_HTT360/{GONE}")
    if 30 <= ls <= 50:
        factor[alone], reasons[alone] = 0.35, Reason.PATH_MOVED
    true = expected * factor
    sigma_true = np.sqrt((0.008 * true) ** 2)
    observed = rng.poisson(np.clip(true + sigma_true * rng.standard_normal(n), 0, None) * LUMISECTION_SECONDS)
    observed = observed / LUMISECTION_SECONDS
    low, high, untold = expected - 2.576 * sigma, expected + 2.576 * sigma, np.full(n, np.nan)
    bands = np.stack([observed, expected, low, high, curve, prescale, untold])
    present = np.ones(n, dtype=bool)
    if ls >= 100:
        present[gone], bands[:, gone], reasons[gone] = False, np.nan, Reason.MISSING
    catalogue, rows = menu.catalogue, menu.rows
    ordered = lambda values: np.asarray(values)[..., np.argsort(rows)]  # noqa: E731
    pull = (bands[0] - expected) / sigma  # NaN where the rate is missing
    p_values = np.exp(-0.5 * pull**2).clip(1e-12)
    names = np.array(menu.names)
    evidence = {
        str(names[row]): Evidence(
            str(names[row]), Reason(int(reasons[row])), "unknown",
            f"rate {observed[row]:.3g} Hz where {bands[2, row]:.3g} to {bands[3, row]:.3g} Hz are expected",
            float(p_values[row]), {}, (), (), (), (), float(observed[row]), float(expected[row]), "m",
        )
        for row in np.flatnonzero(reasons != Reason.CONSISTENT)
    }  # fmt: skip
    part = SubsystemScores(
        catalogue, ("pull",), ordered(present), ordered(p_values).astype(np.float32),
        ordered(np.abs(pull))[None].astype(np.float32), rng.integers(1, 2**63, n, dtype=np.uint64), ordered(reasons),
        evidence, bands=Bands.from_array(ordered(bands).astype(np.float32)),
    )  # fmt: skip
    report = ordered(reasons)
    qualities = QUALITY[report]
    conditions = Conditions(
        fill=9900, era="Run2024E", pileup=float(pileup), delivered_lumi=0.5, recorded_lumi=0.475,
        prescale_index=column, beams_stable=True,
    )  # fmt: skip
    verdict = SubsystemVerdict(Quality(int(qualities.max())), 0.1, qualities, report)
    came_s = START_S + ls * LUMISECTION_SECONDS
    return LumisectionState(
        DATASET, LumisectionKey(RUN, ls), conditions, "rates-1", {"Trigger": part}, came_s, "", came_s, "complete", 1,
        {"Trigger": verdict},
    )  # fmt: skip
