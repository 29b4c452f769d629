import json

import numpy as np
import pytest

from dqm.simulate.conditions import generate
from dqm.simulate.events import FEATURES, NAMES, RARE, STANDARD, Drift, drift, simulate, stream
from dqm.simulate.truth import with_rare_events_noted
from streams.records import LUMISECTION_SECONDS


@pytest.fixture(scope="module")
def lumisections():
    return list(generate(np.random.default_rng(1), fills=2, stable=40))


def column(values, name):
    return values[:, FEATURES.index(name)]


def test_a_lumisection_depends_on_seed_run_and_ls_alone(lumisections):
    simulated = list(stream(lumisections, 20, 0.0, seed=5))
    again = list(stream(lumisections[::-1], 20, 0.0, seed=5))[::-1]
    assert [item.features.key for item in simulated] == [item.features.key for item in again]
    for item_value, other in zip(simulated, again, strict=True):
        np.testing.assert_array_equal(item_value.features.values, other.features.values)
    other = list(stream(lumisections, 20, 0.0, seed=6))
    assert not any(
        np.array_equal(a.features.values, b.features.values)
        for a, b in zip(simulated, other, strict=True)
        if len(a.kinds)
    )


def test_events_come_in_proportion_to_live_time_and_pileup_and_only_in_stable_beams(lumisections):
    simulated = list(stream(lumisections, 50, 0.0, seed=5))
    assert [item.features.key for item in simulated] == [key for key, _ in lumisections]
    assert {item.features.key for item in simulated if len(item.kinds)} == {
        key for key, at in lumisections if at.beams_stable
    }
    expected = sum(
        50 * LUMISECTION_SECONDS * at.recorded_lumi / at.delivered_lumi * at.pileup / 40
        for _, at in lumisections
        if at.beams_stable
    )
    assert abs(sum(len(item.kinds) for item in simulated) / expected - 1) < 5 / np.sqrt(expected)


def test_features_are_finite_and_hang_together(lumisections):
    values = np.concatenate([item.features.values for item in stream(lumisections, 50, 0.01, seed=5)])
    assert np.isfinite(values).all()
    met, along, across = (column(values, f"met{part}_gev") for part in ("", "_along_lepton", "_across_lepton"))
    np.testing.assert_allclose(met, np.hypot(along, across), rtol=1e-4)
    mt = np.sqrt(np.maximum(2 * column(values, "lepton_pt_gev") * (met - along), 0))
    np.testing.assert_allclose(column(values, "mt_gev"), mt, rtol=1e-2, atol=0.1)
    assert (column(values, "b_jets") <= column(values, "jets")).all()
    assert ((column(values, "ht_gev") > 0) == (column(values, "jets") > 0)).all()
    for kind in ("muons", "electrons"):
        assert (column(values, f"{kind}_mass_gev")[column(values, kind) < 2] == 0).all()


def test_truth_holds_the_shares_that_were_asked_for(lumisections):
    kinds = np.concatenate([item.kinds for item in stream(lumisections, 100, 0.04, seed=5)])
    shares = np.bincount(kinds, minlength=len(NAMES)) / len(kinds)
    np.testing.assert_allclose(shares[len(STANDARD) :], 0.04 / len(RARE), rtol=0.2)
    assert np.argmax(shares) == NAMES.index("w")


def test_the_detector_drifts_slowly_and_jumps_with_fills():
    scale = np.array([drift(3, fill).fakes for fill in range(9000, 9400)])
    near, far = np.abs(np.diff(np.log(scale))).mean(), np.log(scale).std()
    assert near > 0
    assert 0.03 < far < 0.5
    assert drift(3, 9000) == drift(3, 9000) != drift(4, 9000)


def test_drift_changes_what_it_says():
    kinds = np.full(20_000, NAMES.index("z"), dtype=np.int8)
    nominal, poor = (simulate(kinds, 40.0, item, np.random.default_rng(1)) for item in (Drift(), Drift(resolution=1.5)))
    assert column(poor, "met_gev").mean() > 1.2 * column(nominal, "met_gev").mean()
    high = simulate(kinds, 60.0, Drift(), np.random.default_rng(1))
    assert column(high, "neutral_isolation").mean() > 1.2 * column(nominal, "neutral_isolation").mean()


def test_rare_events_are_noted_before_they_are_passed_on(lumisections, tmp_path):
    path = tmp_path / "truth.jsonl"
    results = []
    for item in with_rare_events_noted(path, stream(lumisections, 50, 0.01, seed=5)):
        rare = item.kinds >= len(STANDARD)
        results += [
            {"run": item.features.key.run, "ls": item.features.key.ls, "event": int(event), "process": NAMES[kind]}
            for event, kind in zip(item.features.events[rare], item.kinds[rare], strict=True)
        ]
        assert [json.loads(line) for line in path.read_text().splitlines()] == results
    assert len(results) > 100
