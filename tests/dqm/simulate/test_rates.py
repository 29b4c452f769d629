from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqm.simulate.conditions import from_oms, luminosity
from dqm.simulate.detector import generator
from dqm.simulate.rate_faults import RateFault, RateFaultKind
from dqm.simulate.rates import Trigger, stream
from streams.records import Conditions, LumisectionKey

FIRST, LAST = LumisectionKey(400_000, 1), LumisectionKey(400_000, 9)
LEVEL = Conditions(
    fill=9900, pileup=55.0, delivered_lumi=0.43, recorded_lumi=luminosity(55.0), prescale_index=9, beams_stable=True
)


@pytest.fixture(scope="module")
def trigger():
    return Trigger.built_in(1)


def rates(trigger, conditions=LEVEL, fault=None, count=1, first=1):
    keys = [LumisectionKey(400_000, first + at) for at in range(count)]
    faults = [] if fault is None else [fault]
    results = [item.rates for item in stream(trigger, [(key, conditions) for key in keys], faults, 3)]
    return np.array([np.concatenate([item.l1, item.hlt]) for item in results])


def rows(trigger, seed):
    return [at for at, name in enumerate(trigger.menu.names) if name.startswith(trigger.menu.l1[seed] + "/")]


def test_a_menu_of_realistic_size_and_rates(trigger):
    usual = trigger.usual(9)
    assert (len(trigger.menu.l1), len(trigger.menu.hlt)) == (40, 600)
    assert 80e3 < usual[:40].sum() < 120e3
    assert 1e3 < usual[40:].sum() < 5e3
    assert np.mean((usual[40:] > 0.1) & (usual[40:] < 5)) > 0.5
    assert len(trigger.menu.catalogue) == 640


def test_the_published_menu_has_24_paths_behind_4_seeds():
    menu = Trigger.published(1).menu
    assert (len(menu.l1), len(menu.hlt)) == (4, 24)


def test_equal_arguments_give_equal_rates(trigger):
    key = LumisectionKey(400_000, 5)
    first = trigger.lumisection(key, LEVEL, generator(1, key))
    trigger.lumisection(LumisectionKey(1, 1), LEVEL, generator(1, key))
    again = trigger.lumisection(key, LEVEL, generator(1, key))
    assert first.hlt.tobytes() == again.hlt.tobytes()
    assert first.l1.tobytes() == again.l1.tobytes()


def test_counts_are_whole_numbers(trigger):
    counts = rates(trigger) * 23.31
    assert np.allclose(counts, np.rint(counts), atol=1e-6)


def test_paths_of_one_seed_move_nearly_as_one_but_for_the_last_seed():
    trigger = Trigger.published(2)
    result = rates(trigger, count=400)
    related = np.corrcoef(result[:, 4:].T)
    inside = [related[6 * at : 6 * at + 6, 6 * at : 6 * at + 6][np.triu_indices(6, 1)].mean() for at in range(4)]
    assert min(inside[:3]) > 0.6
    assert abs(inside[3]) < 0.15
    assert abs(related[:6, 6:12].mean()) < 0.15


def test_rates_follow_dead_time_and_pileup_not_in_proportion(trigger):
    usual = rates(trigger, count=60).mean(axis=0)
    half_live = rates(trigger, replace(LEVEL, recorded_lumi=LEVEL.recorded_lumi / 2), count=60).mean(axis=0)
    assert half_live[:40] / usual[:40] == pytest.approx(0.5, rel=0.05)
    lower = rates(trigger, replace(LEVEL, pileup=27.5, recorded_lumi=luminosity(27.5)), count=60).mean(axis=0)
    shares = lower[:40] / usual[:40]
    assert shares.min() < 0.42
    assert shares.max() > 0.46


def test_nothing_runs_without_a_prescale_column(trigger):
    assert not rates(trigger, replace(LEVEL, prescale_index=None)).any()


def test_a_dump_leaves_next_to_nothing(trigger):
    dumped = replace(LEVEL, pileup=0.0, recorded_lumi=0.0, beams_stable=False)
    assert rates(trigger, dumped).sum() < 5


@pytest.mark.parametrize("kind", [RateFaultKind.SEED, RateFaultKind.SEED_PATHS])
def test_a_fault_of_a_seed_hits_what_is_behind_it_and_nothing_else(trigger, kind):
    fault = RateFault(kind, FIRST, LAST, factor=0.5, seed_name=trigger.menu.l1[3])
    share = rates(trigger, fault=fault, count=9).mean(axis=0) / rates(trigger, count=9).mean(axis=0)
    own = rows(trigger, 3)
    assert share[own[0]] == pytest.approx(0.5 if kind is RateFaultKind.SEED else 1.0, rel=0.1)
    assert np.median(share[own[1:]]) == pytest.approx(0.5, rel=0.1)
    unaffected = [at for at in range(40) if at != own[0]]
    assert share[unaffected] == pytest.approx(1.0, rel=0.1)


def test_a_fault_of_all_rates(trigger):
    fault = RateFault(RateFaultKind.ALL, FIRST, LAST, factor=0.8)
    share = rates(trigger, fault=fault).sum() / rates(trigger).sum()
    assert share == pytest.approx(0.8, rel=0.02)


def test_a_wrong_prescale_and_a_wrong_column_are_not_declared(trigger):
    name = trigger.menu.names[int(np.argmax(trigger.usual(9)[40:])) + 40]
    wrong = RateFault(RateFaultKind.PRESCALE, FIRST, LAST, factor=0.1, elements=(name,))
    row = trigger.menu.names.index(name)
    assert rates(trigger, fault=wrong)[0, row] == pytest.approx(rates(trigger)[0, row] / 10, rel=0.5)
    column = RateFault(RateFaultKind.COLUMN, FIRST, LAST, column=15)
    record = trigger.lumisection(FIRST, LEVEL, generator(3, FIRST), [column])
    declared = np.concatenate([record.l1_prescales, record.hlt_prescales])
    assert (declared == trigger.prescales(9)).all()
    assert record.hlt.sum() > 1.2 * rates(trigger)[0, 40:].sum()


def test_stuck_rates_repeat_and_missing_ones_are_not_in_the_menu(trigger):
    stuck = rates(trigger, fault=RateFault(RateFaultKind.STUCK, FIRST, LAST), count=3)
    assert (stuck[0] == stuck[1]).all()
    assert (stuck[0] == rates(trigger)[0]).all()
    name = trigger.menu.names[50]
    missing = RateFault(RateFaultKind.MISSING, FIRST, LAST, elements=(name,))
    record = trigger.lumisection(FIRST, LEVEL, generator(3, FIRST), [missing])
    assert name not in record.menu.names
    assert len(record.hlt) == len(record.hlt_prescales) == len(record.menu.hlt) == 599
    again = trigger.lumisection(LAST, LEVEL, generator(3, LAST), [missing])
    assert again.menu is record.menu


def test_a_seed_that_is_missing_takes_its_paths_with_it(trigger):
    seed = trigger.menu.l1[0]
    missing = RateFault(RateFaultKind.MISSING, FIRST, LAST, elements=(f"{seed}/{seed}",))
    record = trigger.lumisection(FIRST, LEVEL, generator(3, FIRST), [missing])
    assert len(record.l1) == 39
    assert len(record.hlt) == 600 - (len(rows(trigger, 0)) - 1)


@given(
    pileup=st.floats(0, 90),
    live=st.floats(0, 1),
    column=st.one_of(st.none(), st.integers(0, 40)),
    stable=st.booleans(),
)
@settings(max_examples=40)
def test_whatever_the_conditions_rates_are_finite_and_not_negative(trigger, pileup, live, column, stable):
    conditions = Conditions(
        fill=1, pileup=pileup, recorded_lumi=luminosity(pileup) * live, prescale_index=column, beams_stable=stable
    )
    result = rates(trigger, conditions)
    assert np.isfinite(result).all()
    assert (result >= 0).all()


def test_the_real_conditions_drive_it(trigger, real_data):
    era = list(from_oms(real_data("oms/Run2024E-v1.parquet"), good_only=True))[4000:4300]
    totals = [item.rates.l1.sum() for item in stream(trigger, era, (), 1)]
    assert 60e3 < np.median(totals) < 200e3
