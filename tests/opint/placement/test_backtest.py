"""What weeks are played, what is counted in them, and what policies make of them."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from opint.placement.backtest import Scenario, add_up, play
from opint.placement.decision import Budget, PlacementDecision, Prices
from opint.placement.demand import Demand, expected_demand, probabilities, region_shares
from opint.placement.policies import POLICIES
from opint.placement.simulate_sites import REGION_SHARES, GridSize, simulate_grid
from opint.placement.sites import TB, PlacementError, StorageKind
from opint.popularity.history import History
from opint.popularity.walk_forward import WeekForecast
from tests.support.placement import LABEL, disk, replicas, tape, world


def nothing(policy_input):
    none = np.empty(0, dtype=np.intp)
    return PlacementDecision(np.zeros(len(policy_input.replicas.dataset), dtype=np.bool_), none, none)


def deciding(**what):
    def decide(policy_input):
        return replace(nothing(policy_input), **{name: np.array(values) for name, values in what.items()})

    return decide


def history_of(counts, sizes_tb, known_since=None):
    counts = np.array(counts, dtype=np.float32)
    first_week = np.zeros(len(counts)) if known_since is None else np.array(known_since)
    names = tuple(f"/D{row}/A-v1/AOD" for row in range(len(counts)))
    sizes = np.array(sizes_tb, dtype=np.float64) * TB
    return History(names, date(2026, 1, 5), {"naccess": counts}, first_week.astype(np.int32), {}, sizes)


def two_regions(counts, placed, sizes_tb=(4, 5, 3), known_since=None, network_tb=10.0, **kinds):
    """All readers sit in Americas, whose disk has 10 TB; that of Europe has 6."""
    history = history_of(counts, sizes_tb, known_since)
    rses = [disk("T2_US_MIT", 10, 10, "Americas"), disk("T2_DE_DESY", 6, 6, "Europe"), tape()]
    reads = np.stack([history.measures["naccess"], np.zeros(history.shape)], axis=1).astype(np.float64)
    last = history.shape[1] - 1
    probability = {last: kinds.get("probability", np.zeros(len(counts)))}
    archive = np.full(len(counts), 2)
    return Scenario(
        history, reads, replicas(rses, sizes_tb, placed), archive, probability, LABEL, Budget(network_tb * TB), Prices()
    )


def test_reads_are_cold_remote_or_neither():
    placed = [(0, 0), (1, 1), (0, 2), (1, 2), (2, 2)]
    (week,) = play(two_regions([[0, 20], [0, 30], [0, 7]], placed), nothing)
    assert (week.week, week.reads, week.cold, week.remote) == (1, 57, 7, 30)
    assert (week.disk_tb, week.copied_tb, week.deleted_tb) == (9, 0, 0)


def test_a_new_dataset_counts_from_the_week_after_it_was_made():
    placed = [(0, 0), (0, 2)]
    played = two_regions([[0, 20, 5], [0, 30, 6]], placed, (4, 5), [0, 1])
    probability = {1: np.zeros(2), 2: np.zeros(2)}
    first, second = play(replace(played, probability=probability), nothing)
    assert (first.reads, first.cold) == (20, 0)
    assert (second.reads, second.cold) == (11, 6)


def test_copies_and_deletions_are_counted():
    placed = [(0, 0), (1, 1), (0, 2), (1, 2), (2, 2)]
    policy = deciding(delete=[True, False, False, False, False], copy_dataset=[2], copy_rse=[0])
    totals = add_up(play(two_regions([[0, 20], [0, 30], [0, 7]], placed), policy))
    assert (totals.cold, totals.remote) == (20, 30)
    assert (totals.disk_tb_weeks, totals.copied_tb, totals.deleted_tb) == (8, 3, 4)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (
            {"delete": [False, False, True, False, False]},
            "/D0/A-v1/AOD at T1_US_FNAL_Tape would be deleted, but lies on",
        ),
        ({"delete": [False, False, False, False, True]}, "/D2/A-v1/AOD at T2_US_MIT would be deleted, but is the last"),
        ({"delete": [True, False, False, False, False]}, "/D0/A-v1/AOD at T2_US_MIT would be deleted, but is locked"),
        ({"copy_dataset": [0], "copy_rse": [0]}, "a copy is made where there is one already"),
        ({"copy_dataset": [2], "copy_rse": [2]}, "a copy is made to tape"),
        ({"copy_dataset": [1, 2], "copy_rse": [0, 1]}, "the network has 7e"),
        ({"copy_dataset": [0], "copy_rse": [1]}, "RSE T2_DE_DESY would hold 9e"),
    ],
)
def test_what_no_policy_may_do_is_refused(what, message):
    placed = [(0, 0), (1, 1), (0, 2), (1, 2), (2, 0)]
    played = two_regions([[0, 20], [0, 30], [0, 7]], placed, network_tb=7)
    locked = replace(played.replicas, locked=np.arange(5) == 0)
    with pytest.raises(PlacementError) as error:
        list(play(replace(played, replicas=locked), deciding(**what)))
    assert message in str(error.value)


def test_more_copies_than_allowed_are_refused():
    played = two_regions([[0, 20]], [(0, 0), (0, 2)], (4,))
    limited = replace(played, budget=Budget(10 * TB, most_copies=1))
    with pytest.raises(PlacementError, match="more than 1 replicas on disk"):
        list(play(limited, deciding(copy_dataset=[0], copy_rse=[1])))


def test_lru_makes_room_by_what_was_read_least_recently():
    placed = [(0, 0), (1, 0), (0, 2), (1, 2), (2, 2)]
    played = two_regions([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 50, 50]], placed, network_tb=9)
    days = np.array(["2026-01-05", "2026-01-12", "2026-01-19"], dtype="datetime64[D]")
    full = replace(played.replicas, last_read=days)
    bigger = replace(full, size_bytes=np.array([4, 5, 7]) * TB)
    (week,) = play(replace(played, replicas=bigger), POLICIES["lru"])
    assert (week.cold, week.deleted_tb, week.copied_tb) == (0, 9, 7)
    (week,) = play(replace(played, replicas=full), POLICIES["lru"])
    assert (week.cold, week.deleted_tb) == (0, 0)


def test_lru_does_not_put_out_what_was_read_later():
    placed = [(0, 0), (0, 2), (1, 2)]
    played = two_regions([[0, 0, 5, 0], [0, 50, 0, 0]], placed, (10, 10), known_since=[0, 2])
    newer = replace(played.replicas, last_read=np.array(["2026-01-19", "2026-01-12"], dtype="datetime64[D]"))
    (week,) = play(replace(played, replicas=newer), POLICIES["lru"])
    assert week.deleted_tb == 0


def test_keep_everything_deletes_nothing_and_fills_what_is_free():
    placed = [(0, 0), (0, 2), (1, 2), (2, 2)]
    (week,) = play(two_regions([[0, 1], [0, 2], [0, 4]], placed, (4, 5, 3)), POLICIES["keep_everything"])
    assert (week.copied_tb, week.deleted_tb, week.cold) == (8, 0, 0)


def test_a_forecast_brings_to_disk_what_nobody_has_read_yet():
    placed = [(0, 0), (0, 2), (1, 2)]
    probability = np.array([0.0, 0.9])
    played = two_regions([[30, 0, 0, 0], [0, 0, 0, 60]], placed, (4, 5), probability=probability)
    colds = {name: add_up(play(played, POLICIES[name])).cold for name in POLICIES}
    assert colds == {"keep_everything": 0, "lru": 60, "persistence": 60, "forecast": 0}


def test_good_forecasts_beat_lru_deletion_where_disk_is_short():
    ratios = []
    for seed in range(11, 14):
        same = world(seed, 300, 32, 24, 0.15)
        forecast, lru = (add_up(play(same, POLICIES[name])) for name in ("forecast", "lru"))
        assert forecast.reads == lru.reads
        ratios.append(forecast.cold / lru.cold)
    # Of catalogues so small one large dataset decides some either way.
    assert np.median(ratios) < 0.85


def test_expected_reads_follow_from_probability_and_the_past():
    history = history_of([[100, 100, 0, 0], [20, 0, 0, 0], [0, 0, 0, 0]], [1, 1, 1])
    share = np.full((3, 2), 0.5)
    yes, no = (expected_demand(history, LABEL, np.full(3, p), share).reads for p in (1.0, 0.0))
    mean = 220 / 3
    np.testing.assert_allclose(yes, [(200 + 2 * mean) / 4, (20 + 2 * mean) / 3, mean])
    np.testing.assert_allclose(no, 0)
    half = expected_demand(history, LABEL, np.full(3, 0.5), share)
    np.testing.assert_allclose(half.reads, yes / 2)


def test_a_demand_for_other_names_expects_no_reads_of_unknown_datasets():
    demand = Demand(("a", "b"), np.array([0.1, 0.2]), np.array([1.0, 2.0]), np.array([[1.0, 0.0], [0.25, 0.75]]))
    other = demand.of(["c", "b"])
    assert other.reads.tolist() == [0, 2]
    assert other.share.tolist() == [[0.5, 0.5], [0.25, 0.75]]


def test_shares_are_those_of_all_until_much_is_seen():
    share = region_shares(np.array([[1000.0, 0.0], [0.0, 0.0], [0.0, 1000.0]]))
    np.testing.assert_allclose(share[1], [0.5, 0.5])
    assert share[0, 0] > 0.98
    np.testing.assert_allclose(share.sum(axis=1), 1)


def test_a_dataset_without_forecast_has_probability_zero():
    forecast = WeekForecast(3, 4, np.array([2]), np.array([0.7]), np.array([True]), np.array([True]), 0.5)
    assert probabilities(forecast, 4).tolist() == [0, 0, 0.7, 0]


def test_a_simulated_grid_has_the_requested_disk():
    rses = simulate_grid(np.random.default_rng(2), GridSize(60, 5e16))
    disks = [rse for rse in rses if rse.kind is StorageKind.DISK]
    assert len(disks) == 60
    assert sum(rse.capacity_bytes for rse in disks) == pytest.approx(5e16, rel=1e-9)
    assert {rse.region for rse in disks} == set(REGION_SHARES)
    assert [rse.name for rse in rses if rse.kind is StorageKind.TAPE] == [
        rse.name.replace("Disk", "Tape") for rse in disks if rse.name.startswith("T1")
    ]
    assert rses == simulate_grid(np.random.default_rng(2), GridSize(60, 5e16))


def test_readers_add_up_to_what_was_read():
    played = world(4)
    np.testing.assert_array_equal(played.reads.sum(axis=1), played.history.measures["naccess"])
