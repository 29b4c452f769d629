"""Real episodes as faults of the simulator, and what is counted of them."""

import json

import numpy as np
import pytest

from benchmarks import episodes
from benchmarks.episodes import Episode, EpisodeOutcome, Watched
from benchmarks.report import main
from benchmarks.watching import Judged
from conf.settings import AlertSettings
from dqm.core.quality import Quality, Reason
from dqm.simulate.detector import Detector
from opint.incidents import window
from opint.incidents.families import IncidentKey, fingerprint
from opint.store.short_faults import StoredFault
from streams.records import Axis, Catalogue, LumisectionKey, MonitoringElement

DISKS = ("Pixel/Forward/Disk+1", "Pixel/Forward/Disk+2")
CATALOGUE = Catalogue.of([MonitoringElement(f"{disk}/occupancy", (Axis(4, 0, 4),)) for disk in DISKS])
FOLDERS = window.Folders(CATALOGUE)


def judged(ls, bad=(), certain=()):
    reasons = np.array([Reason.DEVIATES if disk in bad else Reason.CONSISTENT for disk in DISKS], dtype=np.uint8)
    qualities = np.where(reasons == Reason.DEVIATES, Quality.BAD, Quality.GOOD).astype(np.uint8)
    key = LumisectionKey(7, ls)
    verdict = window.StoredVerdict(key, FOLDERS, qualities, reasons, np.full(2, 0.5, dtype=np.float32), "v")
    faults = [
        StoredFault(
            "/D",
            key,
            fingerprint(IncidentKey("/D", "Pixel", "content", disk)),
            "Pixel",
            "content",
            disk,
            (f"{disk}/occupancy",),
            1,
            1e-9,
            "dead",
            "v",
        )
        for disk in certain
    ]
    return Judged(key, "/D", {"Pixel": verdict}, {}, {}, faults)


def test_an_episode_is_seen_by_its_record_or_its_incident_and_records_elsewhere_are_false():
    first, second = DISKS
    lumisections = [
        judged(1),
        judged(2, [first], [first]),
        *(judged(ls) for ls in range(3, 6)),
        judged(6, [first], []),
        *(judged(ls) for ls in range(7, 10)),
        judged(10, [second]),
        judged(11, [second]),
        judged(12),
        judged(13, [second], [second]),
        *(judged(ls) for ls in range(14, 40)),
        judged(40, [first], [first]),
    ]
    table = [Episode(1, 7, ls, last, (disk,)) for ls, last, disk in ((2, 2, "1"), (6, 6, "1"), (10, 11, "2"))]
    outcomes, (run,) = episodes._outcome(lumisections, table, AlertSettings())
    assert outcomes == [
        EpisodeOutcome(7, 1, True, False),
        EpisodeOutcome(7, 1, False, False),
        EpisodeOutcome(7, 2, True, True),
    ]
    # The record at 13 belongs to the incident.
    assert run == Watched(7, len(lumisections), {"content": 1})


def test_figures_have_intervals_by_runs():
    outcomes = [EpisodeOutcome(run, 1 + run % 2, True, run > 4) for run in range(8)]
    figures = episodes.results(outcomes, [Watched(run, 1235, {"content": run % 2}) for run in range(8)])
    none = episodes.results(outcomes, [Watched(run, 1235, {}) for run in range(8)])["false_records_per_shift"]
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(3.689 / 8, rel=1e-3)
    share = figures["episodes_seen"]
    assert (share.value, share.peer_value, share.n) == (1.0, 3 / 8, 8)
    assert share.low < 0.75, "eight runs that agree prove no certainty"
    assert figures["false_records_per_shift"].value == pytest.approx(0.5, rel=1e-3)
    assert figures["false_records_per_shift"].low < 0.5 < figures["false_records_per_shift"].high


def test_each_real_episode_is_a_fault_of_a_disk_that_the_detector_has(real_data):
    detector, rng = Detector.built_in(1), np.random.default_rng(0)
    table = episodes.read(real_data("episodes/pixel_rings.parquet"))
    assert len(table) == 1342
    for episode in table:
        faults = episode.faults(detector, rng)
        assert [len(fault.elements) for fault in faults] == [1] * len(episode.disks)


@pytest.mark.benchmark
def test_a_quick_run_has_the_keys(real_data, monkeypatch, capsys):
    folder = real_data("episodes/pixel_rings.parquet").parents[1]
    monkeypatch.setenv("NIGHTSHIFT_DATA", str(folder))
    assert main("episodes", episodes.measure, ["--quick", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert {"episodes_seen_one_ls", "episodes_seen", "false_records_per_shift"} <= set(results)
    assert results["episodes_seen_one_ls"]["value"] > results["episodes_seen_one_ls"]["peer_value"]
