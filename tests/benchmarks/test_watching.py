from itertools import pairwise

import numpy as np
import pytest

from benchmarks.detection import Tally, Trial, results, stretches
from benchmarks.watching import Judged, incidents
from conf.settings import AlertSettings
from dqm.core.quality import Quality, Reason
from dqm.simulate.faults import FaultKind
from opint.incidents import window
from streams.records import Axis, Catalogue, LumisectionKey, MonitoringElement

CATALOGUE = Catalogue.of([MonitoringElement(f"A/{me}", (Axis(4, 0, 4),)) for me in ("x/1", "x/2", "y/1")])
FOLDERS = window.Folders(CATALOGUE)
QUALITY = {Reason.CONSISTENT: Quality.GOOD, Reason.DEVIATES: Quality.BAD, Reason.FROZEN: Quality.BAD}


def judged(ls, *reasons):
    verdict = window.StoredVerdict(
        LumisectionKey(5, ls),
        FOLDERS,
        np.array([QUALITY.get(reason, Quality.NOT_INSPECTED) for reason in reasons], dtype=np.uint8),
        np.array(reasons, dtype=np.uint8),
        np.full(3, 0.5, dtype=np.float32),
        "v",
    )
    return Judged(LumisectionKey(5, ls), "/D", {"A": verdict}, {"A": np.zeros((1, 3), dtype=np.float32)}, {})


def run(*rows):
    return incidents([judged(ls, *row) for ls, row in enumerate(rows, start=1)], AlertSettings())


OK = (Reason.CONSISTENT,) * 3
BAD = (Reason.DEVIATES, Reason.CONSISTENT, Reason.CONSISTENT)


def test_good_lumisections_raise_nothing():
    assert run(OK, OK, OK) == []


def test_one_bad_lumisection_is_no_incident_and_two_of_three_are():
    assert run(OK, BAD, OK, OK, BAD) == []
    (incident,) = run(OK, BAD, OK, BAD, OK)

    assert (incident.labels.subsystem, incident.labels.family, incident.labels.group) == ("A", "content", "A/x")
    assert (incident.raised, incident.elements) == (LumisectionKey(5, 4), {"A/x/1"})


def test_it_clears_and_is_raised_again():
    clear = AlertSettings().clear_good
    result = run(BAD, BAD, *[OK] * clear, BAD, BAD)

    assert [item.raised.ls for item in result] == [2, clear + 4]


def test_folders_and_families_are_apart():
    other = (Reason.FROZEN, Reason.CONSISTENT, Reason.DEVIATES)

    result = run(other, other)

    assert {(item.labels.family, item.labels.group) for item in result} == {("frozen", "A/x"), ("content", "A/y")}


def test_stretches_are_consecutive_and_cover_the_period():
    period = [(LumisectionKey(1, ls), None) for ls in range(1, 2001)]

    samples = [key.ls for key, _ in stretches(period, 320)]

    assert len(samples) == 320
    assert (samples[0], samples[-1]) == (1, 2000)
    assert sum(b - a == 1 for a, b in pairwise(samples)) == 320 - 10


def test_figures_carry_intervals_and_the_budget():
    tally = Tally(watched=12_355)
    tally.trials[FaultKind.DEAD, 0.1] = [Trial(1, True, {"pull": 0.9}), Trial(None, None, {}), Trial(3, False, {})]

    result = results(tally)

    rate = result["false_incidents_per_shift"]
    assert result["hours_watched"].value == pytest.approx(80, abs=0.01)
    assert (rate.value, rate.low, rate.peer_value) == (0.0, 0.0, 1.0)
    assert rate.high == pytest.approx(0.369, abs=1e-3)
    assert result["detected_dead_0.1"].value == pytest.approx(2 / 3)
    assert result["delay_ls_dead_0.1"].value == 2
    assert result["named_dead_0.1"].value == 0.5
