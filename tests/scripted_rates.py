"""A small menu, rates that follow it, and a pipeline that judges by fixed rules: for what does not need a model."""

import json
from dataclasses import replace

import numpy as np

from dqm.core import verdicts
from dqm.core.assembly import widen
from dqm.core.quality import Evidence, Reason
from dqm.core.state import Bands, ScoredBatch, SubsystemScores, SubsystemVerdict
from dqm.core.verdicts import QUALITY
from streams.errors import DecodeError
from streams.records import LUMISECTION_SECONDS, Conditions, LumisectionKey, TriggerMenu, TriggerRates

DATASET = "/TriggerRates/Emulated-v1/DQM"
SEEDS = ("L1_SingleMu22", "L1_DoubleEG25", "L1_HTT360")
PER_SEED = 6
MENU = TriggerMenu(
    SEEDS,
    tuple(f"HLT_{seed.removeprefix('L1_')}_Path{n}_v1" for seed in SEEDS for n in range(PER_SEED)),
    tuple(seed for seed in range(len(SEEDS)) for _ in range(PER_SEED)),
)
LEVEL = np.concatenate([[9000.0, 7000.0, 4000.0], np.tile([80.0, 40.0, 20.0, 10.0, 6.0, 4.0], len(SEEDS))])
"""Hz in the order of the menu's names."""
STABLE = Conditions(
    fill=9000, pileup=50.0, delivered_lumi=0.44, recorded_lumi=0.42, prescale_index=2, beams_stable=True
)


def rates(run, ls, moved=None, left_out=(), dataset=DATASET, conditions=STABLE, seed=5):
    """Rates of one lumisection; ``moved`` maps the beginning of a name of the menu to a factor."""
    menu = MENU
    if left_out:
        keep = [n for n, name in enumerate(MENU.hlt) if name not in left_out]
        menu = TriggerMenu(SEEDS, tuple(MENU.hlt[n] for n in keep), tuple(MENU.seed_of[n] for n in keep))
    level = np.array([LEVEL[MENU.names.index(name)] * _factor(name, moved or {}) for name in menu.names])
    counts = np.random.default_rng([seed, run, ls]).poisson(level * LUMISECTION_SECONDS)
    observed_hz = counts / LUMISECTION_SECONDS
    cut = len(menu.l1)
    return TriggerRates(
        LumisectionKey(run, ls),
        dataset,
        conditions,
        menu,
        observed_hz[:cut],
        observed_hz[cut:],
        np.ones(cut),
        np.ones(len(menu.hlt)),
    )


def _factor(name, moved):
    return next((factor for start, factor in moved.items() if name.startswith(start)), 1.0)


def encode(item):
    """The record as bytes."""
    reports = {"run": item.key.run, "ls": item.key.ls, "dataset": item.dataset, "hlt": item.menu.hlt}
    return json.dumps(reports | {"l1": item.l1.tolist(), "rates": item.hlt.tolist()}).encode()


def decode(message):
    """Inverse of :func:`encode` for messages."""
    try:
        report = json.loads(message.value)
    except ValueError as error:
        raise DecodeError("bad-json", "message", str(error)) from error
    hlt = tuple(report["hlt"])
    menu = (
        MENU if hlt == MENU.hlt else TriggerMenu(SEEDS, hlt, tuple(MENU.seed_of[MENU.hlt.index(item)] for item in hlt))
    )
    l1, hlt_hz = np.array(report["l1"]), np.array(report["rates"])
    key = LumisectionKey(report["run"], report["ls"])
    return TriggerRates(key, report["dataset"], STABLE, menu, l1, hlt_hz, np.ones_like(l1), np.ones_like(hlt_hz))


class Scripted:
    """Moved is what lies five standard deviations off; who moves alone, with its seed, or with all, has its cause."""

    version = "scripted" * 8
    name = "rates"
    trained_s = None
    follows = False
    followed = ()
    numbers = 1
    sums_rates = False

    def __init__(self):
        self.expected = {"Trigger": MENU.catalogue}

    def adopt(self, dataset, run, references, shifts):
        """Nothing follows."""

    def drop(self, dataset, run):
        """Nothing follows."""

    def reach(self, frozen):
        return frozen

    def warm_up(self):
        """Nothing is compiled."""

    def score(self, records):
        return [self._scored(record) for record in records]

    def _scored(self, item):
        catalogue, rows = item.menu.catalogue, item.menu.rows
        n = len(catalogue)
        observed, level = np.empty(n), np.empty(n)
        observed[rows] = np.concatenate([item.l1, item.hlt])
        level[rows] = [LEVEL[MENU.names.index(name)] for name in item.menu.names]
        sigma = np.sqrt(level / LUMISECTION_SECONDS)
        pull = (observed - level) / sigma
        rows = [observed, level, level - 2.58 * sigma, level + 2.58 * sigma, level, np.ones(n), np.full(n, np.nan)]
        bands = Bands.from_array(np.stack(rows).astype(np.float32))
        p_values = np.exp(-0.5 * pull**2).astype(np.float32).clip(1e-30)
        reasons = causes(catalogue, np.abs(pull) > 5)
        evidence = {
            name: self._evidence(name, Reason(reasons[row]), p_values[row], observed[row], level[row])
            for row, name in enumerate(catalogue.names)
            if reasons[row] != Reason.CONSISTENT
        }
        content = observed.view(np.uint64)
        scores = SubsystemScores(
            catalogue, ("pull",), np.ones(n, bool), p_values, np.abs(pull)[None].astype(np.float32), content, reasons,
            evidence, bands=bands,
        )  # fmt: skip
        return ScoredBatch(item.key, item.dataset, "Trigger", item.conditions, self.version, scores)

    def _evidence(self, name, reason, p_value, observed_hz, level):
        sentence = f"rate {observed_hz:.3g} Hz where about {level:.3g} Hz are expected"
        no_picture = {"axes": (), "counts": (), "reference": (), "pulls": ()}
        return Evidence(
            name, reason, "unknown", sentence, float(p_value), {}, **no_picture, entries=float(observed_hz),
            expected_entries=float(level), model_version=self.version,
        )  # fmt: skip

    def close(self, state, history, now_s, because):
        part = widen(state.parts["Trigger"], self.expected["Trigger"])
        reasons = part.reasons.copy()
        alike = part.present & (len(history.get("Trigger", ())) > 1)
        for before in history.get("Trigger", ()):
            alike &= part.digests == before.digests if len(before.digests) == len(alike) else False
        reasons[alike] = Reason.FROZEN
        reasons[~part.present] = Reason.MISSING
        qualities = QUALITY[reasons]
        verdict = SubsystemVerdict(verdicts.Quality(int(qualities.max())), float("nan"), qualities, reasons)
        return replace(
            state, parts={"Trigger": part}, verdicts={"Trigger": verdict}, closed_s=now_s, closed_because=because,
            revision=state.revision + 1,
        )  # fmt: skip


def causes(catalogue, moved):
    """Reasons (n,) of rates that ``moved``, the widest cause first."""
    reasons = np.full(len(catalogue), Reason.CONSISTENT, dtype=np.uint8)
    if moved.mean() > 0.8:
        reasons[moved] = Reason.ALL_MOVED
        return reasons
    groups = np.array([me.group for me in catalogue.elements])
    for group in set(groups[moved]):
        own = groups == group
        reasons[own & moved] = Reason.SEED_MOVED if moved[own].mean() > 0.6 else Reason.PATH_MOVED
    return reasons
