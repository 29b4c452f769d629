from dataclasses import replace

import numpy as np
import pytest

from dqm.rates.observed import is_usable, observed
from streams.records import LUMISECTION_SECONDS, Conditions, LumisectionKey, TriggerMenu, TriggerRates

MENU = TriggerMenu(("L1_A", "L1_B"), ("HLT_1", "HLT_2", "HLT_3"), (1, 0, 1))
GOOD = Conditions(pileup=50.0, delivered_lumi=0.4, recorded_lumi=0.38, prescale_index=3, beams_stable=True)
RECORD = TriggerRates(
    LumisectionKey(1, 1),
    "d",
    GOOD,
    MENU,
    np.array([100.0, 200.0]),
    np.array([1.0, 2.0, 3.0]),
    np.array([2.0, 5.0]),
    np.array([1.0, 10.0, 0.0]),
)


def test_a_path_has_the_prescales_of_its_seed_and_its_own():
    observations = observed([RECORD], MENU)
    assert observations.prescale[0].tolist() == [2.0, 5.0, 5.0, 20.0, 0.0]
    assert observations.exposure[0] == pytest.approx([0.19, 0.076, 0.076, 0.019, 0.0])
    assert observations.counts[0] == pytest.approx(LUMISECTION_SECONDS * np.array([100, 200, 1, 2, 3]))
    assert observations.judged[0].tolist() == [True, True, True, True, False]
    assert observations.column.tolist() == [3]


def test_another_menu_is_brought_into_order():
    other = TriggerMenu(("L1_B", "L1_New"), ("HLT_3", "HLT_1"), (0, 0))
    two = np.array([7.0, 8.0])
    observations = observed([replace(RECORD, menu=other, l1=two, hlt=two, l1_prescales=two, hlt_prescales=two)], MENU)
    assert observations.published[0].tolist() == [False, True, True, False, True]
    assert observations.counts[0] == pytest.approx(LUMISECTION_SECONDS * np.array([0, 7, 8, 0, 7]))


@pytest.mark.parametrize(
    "conditions",
    [
        replace(GOOD, beams_stable=False),
        replace(GOOD, pileup=3.0),
        replace(GOOD, pileup=None),
        replace(GOOD, recorded_lumi=None),
        replace(GOOD, recorded_lumi=0.0),
        replace(GOOD, recorded_lumi=0.1),
    ],
)
def test_conditions_in_which_rates_say_nothing(conditions):
    assert is_usable(GOOD)
    assert not is_usable(conditions)
    assert not observed([replace(RECORD, conditions=conditions)], MENU).judged.any()
