import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.core.quality import Reason
from dqm.core.state import Bands
from dqm.rates.causes import RateCause
from dqm.rates.evidence import RateContext, evidence
from streams.records import LUMISECTION_SECONDS, TriggerMenu

MENU = TriggerMenu(("L1_A",), ("HLT_1", "HLT_2"), (0, 0))
ROW = MENU.catalogue.index["L1_A/HLT_2"]


def case(observed, expected=21.6, low=20.9, high=22.3, prescale=2.0):
    rows = np.full((7, 3), np.nan, dtype=np.float32)
    rows[:6, ROW] = observed, expected, low, high, expected, prescale
    return RateContext(MENU.catalogue, MENU, Bands.from_array(rows), 52.13, 9)


def evidence_of(reason, observed=35.2, seed=0, column=None, **more):
    cause = RateCause(reason, np.array([2]), 1e-9, observed / 21.6, seed, column)
    return evidence(case(observed, **more), ROW, cause, 1e-9, {"network": 8.0}, "v1")


def test_rate_band_and_pileup_are_told_first():
    report = evidence_of(Reason.PATH_MOVED)
    assert report.sentence.startswith("Rate 35.2 Hz where 20.9 to 22.3 Hz are expected at pileup 52.1; ")
    assert report.entries == pytest.approx(35.2 * LUMISECTION_SECONDS)
    assert report.expected_entries == pytest.approx(21.6 * LUMISECTION_SECONDS)
    assert (report.me, report.kind, report.p_value) == ("L1_A/HLT_2", "path", 1e-9)


@pytest.mark.parametrize(
    ("reason", "more", "kind", "words"),
    [
        (Reason.SEED_MOVED, {}, "seed", "the paths of L1_A, but not the seed itself, moved together"),
        (Reason.ALL_MOVED, {"seed": -1}, "all-rates", "all rates moved together"),
        (
            Reason.WRONG_PRESCALES,
            {"column": 7},
            "prescale column 7",
            "while column 9 is declared; column 7 would explain",
        ),
        (Reason.WRONG_PRESCALES, {}, "prescales", "no column that is known would explain"),
    ],
)
def test_the_cause_is_named(reason, more, kind, words):
    report = evidence_of(reason, **more)
    assert report.kind == kind
    assert words in report.sentence


@given(st.sampled_from([1, 5, 10, 20, 50, 100]))
def test_a_usual_prescale_that_fits_is_said(other):
    report = evidence_of(Reason.PATH_MOVED, 21.6 * 2.0 / other)
    assert report.kind == "prescale"
    assert f"as with a prescale of {other} in all instead of 2" in report.sentence


def test_of_few_counts_no_prescale_is_told():
    assert evidence_of(Reason.PATH_MOVED, 2.16, low=10.0, high=40.0).kind == "path"


def test_what_is_only_suspect_is_said_so():
    report = evidence(case(23.0), ROW, None, 1e-4, {}, "v1")
    assert (report.reason, report.kind) == (Reason.SUSPECT, "unknown")
    assert report.sentence.endswith("not enough to be called wrong.")


def test_large_rates_are_written_out():
    assert "Rate 35,210 Hz where 20,900 to" in evidence_of(Reason.PATH_MOVED, 35210.0, low=20900, high=22300).sentence
