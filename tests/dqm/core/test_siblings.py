"""Entries held against those of the other MEs of the subsystem."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from conf.settings import DqmSettings
from dqm.core.assembly import merge
from dqm.core.quality import Quality, Reason
from dqm.core.siblings import by_siblings
from dqm.core.state import Amounts, ScoredBatch, SubsystemScores
from dqm.core.verdicts import Judge, close
from dqm.histograms.references import siblings
from streams.records import Axis, Catalogue, Conditions, LumisectionKey, MonitoringElement

RUNS, PER_RUN = 6, 40
NAMES = [f"Muon/Sector{folder}/me{number}" for folder in range(5) for number in range(4)]
CATALOGUE = Catalogue.of([MonitoringElement(name, (Axis(4, 0.0, 4.0),)) for name in NAMES])
USUAL = np.geomspace(500, 50_000, len(NAMES))
UNKNOWN = Conditions()
SETTINGS = DqmSettings()


@dataclass(frozen=True)
class Content:
    """What is remembered of an earlier lumisection."""

    catalogue: str
    digests: np.ndarray


def good(rng, lumisections):
    """Entries that rise and fall together, by a factor of three either way."""
    return rng.poisson(USUAL * np.exp(rng.uniform(-1.1, 1.1, (lumisections, 1)))).astype(float)


@pytest.fixture(scope="module")
def model():
    runs = np.repeat(np.arange(RUNS), PER_RUN)
    everything = np.arange(len(runs))
    splits = [(everything[runs % 3 != part], everything[runs % 3 == part]) for part in range(3)]
    entries = good(np.random.default_rng(0), len(runs))
    return siblings.fit(entries, [UNKNOWN] * len(runs), runs, CATALOGUE, everything, splits)


def amounts(model, observed):
    return model.amounts(observed[None], USUAL[None])[0]


def test_the_median_of_the_others_leaves_out_the_own_folder():
    rng = np.random.default_rng(1)
    observed = rng.uniform(10, 1000, (7, len(NAMES)))
    observed[rng.uniform(size=observed.shape) < 0.2] = np.nan
    ratio = np.log1p(observed) - np.log1p(USUAL)
    folder = np.arange(len(NAMES)) // 4
    other = [np.nanmedian(ratio[:, folder != own], axis=1) for own in folder]
    expected = np.expm1(np.log1p(USUAL) + np.array(other).T)
    np.testing.assert_allclose(by_siblings(observed, np.tile(USUAL, (7, 1)), CATALOGUE), expected)


def test_few_elements_in_one_folder_have_each_other():
    catalogue = Catalogue.of([MonitoringElement(f"A/me{n}", (Axis(4, 0.0, 4.0),)) for n in range(4)])
    expected = by_siblings(np.array([[10.0, 20.0, 20.0, 20.0]]), np.full((1, 4), 20.0), catalogue)
    assert np.allclose(expected[0, 0], 20.0), "it does not explain itself"
    three = Catalogue.of(catalogue.elements[:3])
    assert np.isnan(by_siblings(np.full((1, 3), 10.0), np.full((1, 3), 20.0), three)).all(), "two are too few"


@pytest.mark.parametrize("lost", [[9], [8, 9, 10, 11]], ids=["element", "folder"])
def test_what_one_loses_is_seen_and_what_all_lose_is_not(model, lost):
    observed = good(np.random.default_rng(2), 1)[0]
    observed[lost] = np.round(0.8 * observed[lost])
    departures = model.tables.departures(amounts(model, observed), CATALOGUE)
    assert np.isin(np.arange(len(NAMES)), lost).tolist() == (departures.lack < 1e-5).tolist()
    assert (departures.excess > 1e-5).all()
    together = model.tables.departures(amounts(model, np.round(0.3 * USUAL)), CATALOGUE)
    assert (together.lack > 1e-5).all()


def test_where_siblings_disagree_nobody_can_tell_who_is_wrong(model):
    observed = USUAL.copy()
    observed[:12] *= 0.6
    departures = model.tables.departures(amounts(model, observed), CATALOGUE)
    assert (np.minimum(departures.lack, departures.excess) == 1).all(), (
        "three of five folders lost entries, or two have too many"
    )


def test_p_values_of_other_runs_are_uniform_or_cautious(model):
    rows = [model.tables.departures(amounts(model, row), CATALOGUE) for row in good(np.random.default_rng(3), 300)]
    for p_values in (np.array([row.lack for row in rows]), np.array([row.excess for row in rows])):
        assert (p_values <= 1e-3).mean() < 3e-3


def part(model, observed, present):
    n = len(NAMES)
    observed = np.where(present, observed, np.nan)
    return SubsystemScores(
        CATALOGUE,
        ("pull",),
        present,
        np.where(present, np.linspace(0.05, 1, n), np.nan).astype(np.float32),
        np.where(present, 1.0, np.nan)[None].astype(np.float32),
        np.where(present, np.arange(1, n + 1), 0).astype(np.uint64),
        np.zeros(n, dtype=np.uint8),
        amounts=amounts(model, observed),
    )


def closed(model, parts, history=None):
    state = None
    for scores in parts:
        state = merge(state, ScoredBatch(LumisectionKey(1, 1), "/A/B/C", "Muon", UNKNOWN, "m1", scores), 0.0).state
    judge = Judge({"Muon": CATALOGUE}, {}, 1e-3, siblings={"Muon": model.tables}, siblings_p=1e-5)
    return close(state, history or {}, judge, SETTINGS, 5.0, "complete")


def test_closing_says_starved_in_whatever_parts_a_lumisection_comes(model):
    observed = good(np.random.default_rng(4), 1)[0]
    observed[5] = np.round(0.7 * observed[5])
    observed[15] *= 1.5
    everything, first = np.ones(len(NAMES), dtype=bool), np.arange(len(NAMES)) % 3 == 0
    whole = closed(model, [part(model, observed, everything)])
    reasons = whole.verdicts["Muon"].reasons
    assert np.flatnonzero(reasons).tolist() == [5, 15]
    assert (reasons[5], reasons[15]) == (Reason.STARVED, Reason.OVERFULL)
    assert whole.verdicts["Muon"].quality == Quality.BAD
    sentence = whole.parts["Muon"].evidence[NAMES[5]].sentence
    assert "lead to expect" in sentence
    assert "of the entries are missing" in sentence
    pieces = [part(model, observed, first), part(model, observed, ~first)]
    for order in (pieces, pieces[::-1]):
        assert (closed(model, order).verdicts["Muon"].reasons == reasons).all()


def test_content_that_is_bad_tells_more(model):
    observed = good(np.random.default_rng(4), 1)[0]
    observed[5] = np.round(0.7 * observed[5])
    scores = part(model, observed, np.ones(len(NAMES), dtype=bool))
    p_values = scores.p_values.copy()
    p_values[5] = 1e-8
    assert closed(model, [replace(scores, p_values=p_values)]).verdicts["Muon"].reasons[5] == Reason.DEVIATES


def test_what_is_frozen_stays_so(model):
    observed = good(np.random.default_rng(4), 1)[0]
    observed[5] = np.round(0.7 * observed[5])
    scores = part(model, observed, np.ones(len(NAMES), dtype=bool))
    again = Content(CATALOGUE.digest, scores.digests)
    history = {"Muon": [again] * (SETTINGS.frozen_after - 1)}
    assert closed(model, [scores], history).verdicts["Muon"].reasons[5] == Reason.FROZEN


def test_an_element_whose_state_was_accepted_is_left_alone(model):
    observed = good(np.random.default_rng(4), 1)[0]
    observed[5] = np.round(0.7 * observed[5])
    anew = np.arange(len(NAMES)) == 5
    assert isinstance(amounts(model, observed), Amounts)
    without_accepted = model.without(anew).amounts(observed[None], USUAL[None])[0]
    assert (model.tables.departures(without_accepted, CATALOGUE).lack > 1e-5).all()
