"""Changes of the menu of a run, as its page lists them."""

import numpy as np

from dqm.core.quality import Reason
from dqm.core.state import Bands
from opint.store.run_map import UNEXPECTED
from opint.store.trigger_rates import RunRates
from opint.triggers.summary import MenuChange, menu_changes, without_model

ELEMENTS = ["A/A", "B/B", "C/C"]


def run_rates(versions, reasons=None):
    """Rates whose ``versions`` (n, L) are NaN where they were not published."""
    versions = np.array(versions, dtype=np.float32)
    bands = np.full((7, *versions.shape), np.nan, dtype=np.float32)
    bands[0] = bands[4] = np.where(np.isnan(versions), np.nan, 10.0)
    bands[6] = versions
    report = (
        np.full(versions.shape, Reason.CONSISTENT, dtype=np.uint8) if reasons is None else np.array(reasons, np.uint8)
    )
    numbers = list(range(1, versions.shape[1] + 1))
    p_values = np.full(versions.shape, np.nan, dtype=np.float32)
    return RunRates("/D", 7, ELEMENTS, numbers, [{}] * len(numbers), Bands.from_array(bands), report, p_values)


def test_versions_and_paths_that_come_and_go_are_listed():
    nan = np.nan
    rates = run_rates([[13, 13, 14], [nan, nan, nan], [nan, 3, 3]])
    assert menu_changes(rates, {"A/A": 12, "B/B": 5}) == [
        MenuChange("A/A", 1, "version 12 became 13: its band is wide until the new level is known"),
        MenuChange("B/B", 1, "not in the menu of this run"),
        MenuChange("C/C", 2, "new in the menu"),
        MenuChange("A/A", 3, "version 13 became 14: its band is wide until the new level is known"),
    ]


def test_the_first_run_has_no_news():
    assert menu_changes(run_rates([[1, 1], [2, 2], [3, 3]]), {}) == []


def test_why_a_rate_has_no_model_is_said():
    reasons = [[Reason.CONSISTENT] * 2, [Reason.NO_MODEL] * 2, [Reason.NO_MODEL, UNEXPECTED]]
    rates = run_rates([[1, 1], [1, 1], [1, np.nan]], reasons)
    rates.bands.curve[2] = np.nan
    unjudged = without_model(rates, {"B/B": "it scatters"})
    assert unjudged["B/B"] == "it scatters"
    assert "does not know it" in unjudged["C/C"]
    assert set(unjudged) == {"B/B", "C/C"}
