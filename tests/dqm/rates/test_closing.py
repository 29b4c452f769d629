from dataclasses import dataclass

import numpy as np
import pytest

from conf.settings import DqmSettings
from dqm.core.digests import EMPTY
from dqm.core.quality import Quality, Reason
from dqm.core.state import LumisectionState, SubsystemScores
from dqm.rates.closing import RateJudge, close
from dqm.statistics.conformal import ConformalTable
from streams.records import Conditions, LumisectionKey, TriggerMenu

MENU = TriggerMenu(("L1_A", "L1_B"), ("HLT_1", "HLT_2"), (0, 1))
CATALOGUE = MENU.catalogue
N = len(CATALOGUE)
JUDGE = RateJudge({"Trigger": CATALOGUE}, ConformalTable.of(np.random.default_rng(1).exponential(size=1000)))


@dataclass(frozen=True)
class Content:
    catalogue: str
    digests: np.ndarray


def closed(p_values=None, digests=None, reasons=None, history=(), beams=True, published=True):
    part = SubsystemScores(
        CATALOGUE,
        ("network",),
        np.ones(N, dtype=bool),
        np.full(N, 0.5, dtype=np.float32) if p_values is None else np.array(p_values, dtype=np.float32),
        np.zeros((1, N), dtype=np.float32),
        np.arange(1, N + 1, dtype=np.uint64) if digests is None else np.array(digests, dtype=np.uint64),
        np.full(N, Reason.CONSISTENT, dtype=np.uint8) if reasons is None else np.array(reasons, dtype=np.uint8),
    )
    parts = {"Trigger": part} if published else {}
    state = LumisectionState("d", LumisectionKey(1, 1), Conditions(beams_stable=beams), "v", parts, 0.0)
    return close(state, {"Trigger": history}, JUDGE, DqmSettings(), 5.0, "complete")


def test_good_rates_are_good_and_the_state_is_closed():
    state = closed()
    verdict = state.verdicts["Trigger"]
    assert (verdict.quality, state.closed_s, state.revision) == (Quality.GOOD, 5.0, 1)
    assert 0 < verdict.p_value <= 1


def test_a_discovery_that_is_not_named_is_suspect():
    verdict = closed(p_values=[0.5, 1e-4, 0.5, 0.5]).verdicts["Trigger"]
    assert verdict.reasons.tolist() == [Reason.CONSISTENT, Reason.SUSPECT, Reason.CONSISTENT, Reason.CONSISTENT]
    assert verdict.quality == Quality.WARNING


def test_what_scoring_named_stands():
    verdict = closed(p_values=[1e-9, 0.5, 0.5, 0.5], reasons=[Reason.PATH_MOVED, 0, 0, 0]).verdicts["Trigger"]
    assert verdict.reasons[0] == Reason.PATH_MOVED
    assert verdict.quality == Quality.BAD


@pytest.mark.parametrize(("beams", "reason"), [(True, Reason.MISSING), (False, Reason.NO_STABLE_BEAMS)])
def test_rates_that_did_not_come(beams, reason):
    verdict = closed(published=False, beams=beams).verdicts["Trigger"]
    assert set(verdict.reasons.tolist()) == {reason}
    assert np.isnan(verdict.p_value)


def test_a_repeated_folder_is_frozen_even_if_it_was_named_something_else():
    same = np.array([5, 5, 7, 7], dtype=np.uint64)
    other = np.array([5, 5, 8, 8], dtype=np.uint64)
    history = [Content(CATALOGUE.digest, same), Content(CATALOGUE.digest, other)]
    verdict = closed(digests=same, reasons=[Reason.ALL_MOVED] * N, history=history).verdicts["Trigger"]
    assert verdict.reasons.tolist() == [Reason.FROZEN, Reason.FROZEN, Reason.ALL_MOVED, Reason.ALL_MOVED]


@pytest.mark.parametrize("what", ["short", "another menu", "empty"])
def test_what_does_not_prove_that_rates_repeat(what):
    digests = np.full(N, EMPTY if what == "empty" else 9, dtype=np.uint64)
    name = "other" if what == "another menu" else CATALOGUE.digest
    history = [Content(name, digests)] * (1 if what == "short" else 2)
    assert Reason.FROZEN not in closed(digests=digests, history=history).verdicts["Trigger"].reasons
