"""Suggestions for a cache, and a store with a cache whose rules are in every state."""

import numpy as np

from opint.store import caches, suggestions, trials
from opint.store.caches import CurvePoint
from rl_cache.laboratory.units import SavingUnit
from rl_cache.policies.admission.ruled import TargetType
from rl_cache.traces.trace import DAY_S, Trace
from rl_cache.trials.prefetching import DatasetToFetch
from rl_cache.trials.shadow import Trials, advance
from rl_cache.trials.suggestions import Judgement, RuleKind, Suggestion, TrialStatus

CAPACITY = 10 * 2**40
DAYS = 30
DATASET = "/Muon/Simulated24-v1/MINIAOD"
RAW, MINI, ODD = "/store/data/Simulated24RAW", "/store/mc/Simulated24MINIAOD", "/store/data/two words"


def now_s():
    """Of the page."""
    return 1_725_000_000.0


def suggested(
    kind=RuleKind.QUOTA,
    target="AOD",
    saved=1e12,
    status=TrialStatus.ACTIVE,
    *,
    share=0.0,
    of=TargetType.TIER,
    judgement=None,
    unit=SavingUnit.BYTES,
):
    """A suggestion whose trial stands so."""
    return Suggestion(
        kind=kind,
        target=target,
        share=share,
        saved_per_day=saved,
        low=0.5 * saved,
        high=2 * saved,
        saved_by_day=(saved, saved),
        written_bytes_per_day=3e11,
        reason="8% of its bytes were read again",
        target_type=of,
        target_files=1000,
        target_bytes=2 * 10**12,
        judgement=judgement or Judgement(status, f"saved {unit.format_amount(saved)} a day over 7 days"),
        unit=unit,
        vain_bytes_per_day=2**38 if kind is RuleKind.PREFETCH else 0.0,
    )


SUGGESTIONS = (
    suggested(RuleKind.REFUSE, RAW, 2e12, of=TargetType.DIRECTORY),
    suggested(RuleKind.QUOTA, MINI, 1e12, share=0.25, of=TargetType.DIRECTORY),
    suggested(RuleKind.QUOTA, ODD, 3e11, share=0.1, of=TargetType.DIRECTORY),
    suggested(RuleKind.QUOTA, "AOD", 2e11, TrialStatus.ON_TRIAL, share=0.2),
    suggested(RuleKind.PIN, DATASET, 1e11, of=TargetType.DATASET),
    suggested(RuleKind.REFUSE, "<b>GEN</b>", -1e11, TrialStatus.WITHDRAWN),
    suggested(RuleKind.PREFETCH, MINI, 6.5, of=TargetType.DIRECTORY, unit=SavingUnit.HOURS),
)
TO_FETCH = (
    DatasetToFetch("/Electron/Simulated24-v1/MINIAOD", int(now_s()), 200, 400 * 10**9, 50, 10**11, 35.0, 5775.0),
)


def fill(store, cache="rome"):
    """A month of days, curves, and suggestions in every status; nobody has decided anything."""
    rng = np.random.default_rng(4)
    n = DAYS * 200
    first = int(now_s()) // DAY_S - DAYS
    file = np.minimum(rng.zipf(1.2, n) - 1, 4999)
    trace = Trace(np.sort(first * DAY_S + rng.integers(0, DAYS * DAY_S, n)), file, rng.integers(1, 2**36, 5000))
    with store.begin() as tx:
        trials.save(tx, cache, advance(Trials.start((), CAPACITY), trace), now_s() - 60)
        suggestions.keep(tx, cache, SUGGESTIONS, now_s() - 3600)
        shapes = {"lru": 0.9, "agent": 0.7, "belady": 0.6}
        points = [
            CurvePoint(policy, int(CAPACITY * factor), top - 0.1 * np.log2(4 * factor), 0.5, 0.5, now_s() - 3600)
            for policy, top in shapes.items()
            for factor in (0.25, 0.5, 1, 2, 4)
        ]
        caches.save_curves(tx, cache, points)
