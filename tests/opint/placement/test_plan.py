"""What is chosen is the best there is, and every line and refusal says why."""

import json
from datetime import date
from io import StringIO
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from opint.placement.decision import Budget, Prices, check_decision
from opint.placement.demand import Demand
from opint.placement.plan import Action, RefusalCause, dry_run, plan_rows, plan_summary
from opint.placement.planner import make_plan
from opint.placement.problem import build
from opint.placement.rules import ACTIVITIES, RuleOptions, check_rule, rule_requests
from opint.placement.sites import TB, PlacementError, disk_names
from opint.placement.solve import GAP, Method, choose_greedily, solve, to_decision, within_limits
from tests.support.placement import disk, replicas, tape

WEEK = date(2026, 11, 30)
RULE = "01234567-89ab-cdef-0123-456789abcdef"
FREE = Prices(storage=0.0, transfer=0.0, each=0.0)


def demand(reads, regions=1, probability=None):
    n = len(reads)
    share = np.full((n, regions), 1 / regions)
    probabilities = np.minimum(np.array(reads) / 100, 1.0) if probability is None else np.array(probability)
    return Demand(
        tuple(f"/D{row}/A-v1/AOD" for row in range(n)), probabilities, np.array(reads, dtype=np.float64), share
    )


def planned(placed, expected, network_tb=100.0, prices=FREE, **limits):
    return make_plan(WEEK, placed, expected, Budget(network_tb * TB, **limits), prices)


def reasons(plan, action):
    return {(line.dataset, line.rse): line.reason for line in plan.lines if line.action is action}


def example_of(seed):
    rng = np.random.default_rng(seed)
    n, disk_names = int(rng.integers(3, 6)), int(rng.integers(1, 4))
    sizes = rng.integers(1, 6, n).astype(float)
    placed = [(d, s) for d, s in product(range(n), range(disk_names)) if rng.random() < 0.35]
    placed += [(d, disk_names) for d in range(n) if rng.random() < 0.9]
    rses = [disk(f"T2_DE_S{s}", 30, float(rng.integers(0, 12)), f"R{s % 2}") for s in range(disk_names)]
    locked = [row for row, (_, s) in enumerate(placed) if s < disk_names and rng.random() < 0.2]
    limits = {"T2_DE_S0": float(rng.integers(0, 15)) * TB} if rng.random() < 0.3 else {}
    budget = Budget(float(rng.integers(2, 20)) * TB, int(rng.integers(1, 4)), limits)
    prices = Prices(rng.uniform(0, 0.5), rng.uniform(0, 0.5), rng.uniform(0, 0.5), rng.uniform(0, 1))
    expected = demand(rng.exponential(10, n), min(disk_names, 2))
    return replicas([*rses, tape()], sizes, placed, locked), expected, budget, prices


def allowed(problem, chosen):
    used = np.bincount(problem.rse[chosen], problem.bytes[chosen], len(problem.room))
    copied = problem.bytes[chosen & problem.is_copy].sum()
    counts = np.bincount(problem.dataset[chosen], minlength=len(problem.most))
    fits = (used <= problem.room + 1).all() and copied <= problem.network + 1
    return fits and (counts <= problem.most).all() and chosen[problem.forced].all()


@given(st.integers(0, 2**32))
@settings(max_examples=80)
def test_no_other_choice_is_better(seed):
    placed, expected, budget, prices = example_of(seed)
    problem = build(placed, expected, budget, prices)
    q = len(problem.dataset)
    every = (np.array(choice, dtype=bool) for choice in product([False, True], repeat=min(q, 9)))
    solution, first = solve(problem), choose_greedily(problem)
    assert allowed(problem, solution.chosen)
    assert allowed(problem, first)
    assert problem.value(first) <= solution.value + 1e-6
    assert solution.value <= solution.bound + 1e-6 * max(1, abs(solution.bound))
    if q <= 9:
        best = max(problem.value(choice) for choice in every if allowed(problem, choice))
        assert solution.value == pytest.approx(best, rel=2 * GAP, abs=1e-6)
    if not budget.rse_bytes:
        check_decision(to_decision(problem, solution.chosen, len(placed.dataset)), placed, budget)


@given(st.integers(0, 2**32))
@settings(max_examples=80)
def test_options_beyond_the_limits_are_left_out(seed):
    placed, expected, budget, prices = example_of(seed)
    problem = build(placed, expected, budget, prices)
    every = np.ones(len(problem.dataset), dtype=bool)
    chosen = within_limits(problem, every)
    used = np.bincount(problem.rse[chosen], problem.bytes[chosen], len(problem.room))
    assert (used <= problem.room + 1).all()
    assert problem.bytes[chosen & problem.is_copy].sum() <= problem.network + 1
    assert chosen[problem.forced].all()
    np.testing.assert_array_equal(within_limits(problem, chosen), chosen)


def test_greedy_alone_is_not_enough():
    """The dataset that saves most for a byte leaves no room for the one that saves most."""
    placed = replicas([disk("T2_DE_DESY", 10, 10), tape()], [1, 10], [(0, 1), (1, 1)])
    problem = build(placed, demand([20, 100]), Budget(20 * TB), FREE)
    assert problem.value(choose_greedily(problem)) == pytest.approx(20)
    assert solve(problem).value == pytest.approx(100)


def test_too_many_options_are_left_to_greedy_and_the_gap_is_not_known():
    placed = replicas([disk("T2_DE_DESY", 10, 10), tape()], [1, 10], [(0, 1), (1, 1)])
    problem = build(placed, demand([20, 100]), Budget(20 * TB), FREE)
    solution = solve(problem, most_options=1)
    assert (solution.method, solution.value, solution.gap) == (Method.GREEDY, pytest.approx(20), float("inf"))
    assert solve(problem).gap == pytest.approx(0, abs=GAP)


def test_without_time_the_greedy_choice_stands():
    placed = replicas([disk("T2_DE_DESY", 10, 10), tape()], [1, 10], [(0, 1), (1, 1)])
    problem = build(placed, demand([20, 100]), Budget(20 * TB), FREE)
    solution = solve(problem, time_limit_s=0.0)
    assert solution.value >= 20 - 1e-9
    assert allowed(problem, solution.chosen)


def test_the_solver_keeps_standard_output_clean(capfd):
    test_greedy_alone_is_not_enough()
    assert capfd.readouterr().out == ""


def test_expected_reads_are_copied_and_others_make_room():
    placed = replicas([disk("T2_DE_DESY", 10, 1), tape()], [4, 5, 3], [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1)])
    plan = planned(placed, demand([50, 0.5, 80]))
    (copied,) = reasons(plan, Action.COPY).items()
    assert copied[0] == ("/D2/A-v1/AOD", "T2_DE_DESY")
    assert copied[1] == (
        "80 reads are expected (popular with 80%) and it is on no disk: a copy saves 80 reads a week at the price of 0"
    )
    (deleted,) = reasons(plan, Action.DELETE).items()
    assert deleted[0] == ("/D1/A-v1/AOD", "T2_DE_DESY")
    assert deleted[1].endswith("others save more in its room; left: tape")
    assert list(reasons(plan, Action.KEEP)) == [("/D0/A-v1/AOD", "T2_DE_DESY")]
    assert (plan.bytes(Action.COPY), plan.bytes(Action.DELETE)) == (3 * TB, 5 * TB)
    assert plan.value == pytest.approx(130)


def test_a_second_copy_serves_readers_elsewhere():
    rses = [disk("T2_DE_DESY", 10, 5, "Europe"), disk("T2_US_MIT", 10, 10, "Americas")]
    placed = replicas(rses, [5], [(0, 0)])
    plan = planned(placed, demand([100], 2), prices=Prices(0.1, 0.0, 0.0, 4.0))
    assert reasons(plan, Action.COPY) == {
        ("/D0/A-v1/AOD", "T2_US_MIT"): "100 reads are expected (popular with 100%) and it is not in Americas: "
        "a copy saves 5 reads a week at the price of 1"
    }
    assert not reasons(planned(placed, demand([100], 2), prices=Prices(0.1, 0.0, 0.0, 24.0)), Action.COPY)
    assert not reasons(planned(placed, demand([100], 2), most_copies=1), Action.COPY)


@pytest.mark.parametrize(("weeks", "copies"), [(1.0, 0), (4.0, 1)])
def test_what_a_copy_costs_to_make_is_spread_over_the_weeks_of_its_use(weeks, copies):
    placed = replicas([disk("T2_DE_DESY", 10, 10), tape()], [4], [(0, 1)])
    plan = planned(placed, demand([0.5]), prices=Prices(each=1.0, weeks=weeks))
    assert len(reasons(plan, Action.COPY)) == copies


def test_a_copy_too_many_goes():
    rses = [disk("T2_DE_DESY", 10, 5), disk("T2_DE_KIT", 10, 5)]
    plan = planned(replicas(rses, [5], [(0, 0), (0, 1)]), demand([100]), most_copies=1, prices=Prices())
    (reason,) = reasons(plan, Action.DELETE).values()
    assert reason.endswith("left: 1 on disk")


@pytest.mark.parametrize(
    ("placed", "locked", "why", "reason"),
    [
        ([(0, 0), (0, 1)], [0], RefusalCause.LOCKED, "it is locked"),
        ([(0, 0)], [], RefusalCause.LAST_COPY, "its dataset is on no tape"),
    ],
)
def test_what_must_stay_stays_with_a_refusal(placed, locked, why, reason):
    plan = planned(replicas([disk("T2_DE_DESY", 10), tape()], [5], placed, locked), demand([0.0]), prices=Prices())
    assert reasons(plan, Action.KEEP) == {("/D0/A-v1/AOD", "T2_DE_DESY"): reason}
    (refused,) = plan.refusals
    assert (refused.action, refused.why, refused.rse) == (Action.DELETE, why, "T2_DE_DESY")
    assert "saves 0 reads at the price of 0.05" in refused.reason


@pytest.mark.parametrize(
    ("size", "reads", "network", "why", "reason"),
    [
        (float("nan"), 50, 100, RefusalCause.NO_SIZE, "its size is not known"),
        (5, 50, 3, RefusalCause.NETWORK, "of its 5 TB the network has 3 left"),
        (20, 50, 100, RefusalCause.ROOM, "no disk has more than 10 of its 20 TB free"),
        (38, 1.5, 100, RefusalCause.PRICE, "a copy of 38 TB saves 1.5 reads a week at the price of 1.6"),
    ],
)
def test_a_refusal_has_its_cause(size, reads, network, why, reason):
    placed = replicas([disk("T2_DE_DESY", 10, 10), tape()], [size], [(0, 1)])
    (refused,) = planned(placed, demand([reads]), network, Prices()).refusals
    assert (refused.action, refused.why) == (Action.COPY, why)
    assert reason in refused.reason


def test_a_lowered_budget_empties_an_rse_as_far_as_it_may():
    placed = replicas([disk("T2_DE_DESY", 10, 1), tape()], [4, 5], [(0, 0), (1, 0), (0, 1)])
    plan = planned(placed, demand([50, 50]), rse_bytes={"T2_DE_DESY": 1 * TB})
    assert list(reasons(plan, Action.DELETE)) == [("/D0/A-v1/AOD", "T2_DE_DESY")]
    assert list(reasons(plan, Action.KEEP)) == [("/D1/A-v1/AOD", "T2_DE_DESY")]


def test_of_unknown_datasets_nothing_is_expected():
    placed = replicas([disk("T2_DE_DESY", 10, 1), tape()], [4, 5], [(0, 0), (1, 0), (0, 1), (1, 1)])
    plan = planned(placed, demand([50]), prices=Prices())
    assert list(reasons(plan, Action.DELETE)) == [("/D1/A-v1/AOD", "T2_DE_DESY")]


def example():
    placed = replicas(
        [disk("T2_DE_DESY", 10, 1), tape()],
        [4, 5, 3, 9],
        [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (3, 1)],
        rules=["", RULE, "", "", "", ""],
    )
    return placed, planned(placed, demand([50, 0.5, 80, 20]))


def test_a_plan_is_json_with_ids_that_stay():
    _, plan = example()
    read = json.loads(json.dumps(plan.as_json(), allow_nan=False))
    ids = [line["id"] for line in read["lines"]]
    assert len(set(ids)) == len(ids)
    assert ids == [line["id"] for line in example()[1].as_json()["lines"]]
    assert read["lines"][0]["action"] == "copy"
    assert read["week"] == read["lines"][0]["week"] == "2026-11-30"
    assert read["refusals"][0]["why"] == "no room"
    other = make_plan(date(2026, 12, 7), *[example()[0], demand([50, 0.5, 80, 20])], Budget(100 * TB), FREE)
    assert not {line.id for line in other.lines} & set(ids)


def test_lines_become_requests_to_rucio():
    placed, plan = example()
    bodies, unknown = rule_requests(plan.lines, disk_names(placed.rses), RuleOptions("cmsops"))
    copy, delete = bodies
    assert not unknown
    assert (copy["method"], copy["path"]) == ("POST", "/rules/")
    body = copy["body"]
    assert body["dids"] == [{"scope": "cms", "name": "/D2/A-v1/AOD"}]
    assert (body["copies"], body["rse_expression"], body["grouping"]) == (1, "T2_DE_DESY", "ALL")
    assert (body["account"], body["lifetime"], body["ask_approval"]) == ("cmsops", 13 * 7 * 86400, True)
    assert body["comment"].startswith(f"nightshift {copy['id']}: 80 reads are expected")
    assert len(body["comment"]) <= 250
    assert (delete["method"], delete["path"], delete["body"]) == ("DELETE", f"/rules/{RULE}", {"purge_replicas": False})


def test_rules_fit_the_schema_of_rucio_s_client(monkeypatch, tmp_path):
    settings = tmp_path / "rucio.cfg"
    settings.write_text("[client]\nrucio_host=http://127.0.0.1\n")
    monkeypatch.setenv("RUCIO_CONFIG", str(settings))
    from jsonschema import validate
    from rucio.common.schema import generic

    placed, plan = example()
    bodies, _ = rule_requests(
        plan.lines, disk_names(placed.rses), RuleOptions("cmsops", 2, False, "user.jdoe", "Production Input")
    )
    rules = [request["body"] for request in bodies if request["method"] == "POST"]
    assert rules
    for body in rules:
        validate(body, generic.RULE)
        for did in body["dids"]:
            validate(did["scope"], generic.SCOPE)
            validate(did["name"], generic.NAME)
    assert generic.ACTIVITY["enum"] == list(ACTIVITIES)
    assert RuleOptions("cmsops").activity in ACTIVITIES


def test_a_deletion_whose_rule_is_not_known_is_named():
    placed = replicas([disk("T2_DE_DESY", 10, 1), tape()], [4], [(0, 0), (0, 1)])
    bodies, unknown = rule_requests(
        planned(placed, demand([0.0]), prices=Prices()).lines, disk_names(placed.rses), RuleOptions("cmsops")
    )
    assert not bodies
    assert [(line.dataset, line.rse) for line in unknown] == [("/D0/A-v1/AOD", "T2_DE_DESY")]


def test_rules_that_rucio_would_refuse_are_refused():
    with pytest.raises(PlacementError, match="3 copies at 2 RSEs"):
        check_rule({"dids": [], "copies": 3, "rse_expression": "T2_DE_DESY|T2_DE_KIT"}, ["T2_DE_DESY", "T2_DE_KIT"])
    with pytest.raises(PlacementError, match="'/D0/A v1/AOD'; Rucio knows names like"):
        check_rule({"dids": [{"scope": "cms", "name": "/D0/A v1/AOD"}]}, [])
    _, plan = example()
    with pytest.raises(PlacementError, match="'T2_DE_DESY', which is no known disk"):
        rule_requests(plan.lines, disk_names([tape("T2_DE_DESY")]), RuleOptions("cmsops"))
    with pytest.raises(PlacementError, match="account is 'CMS Ops'"):
        RuleOptions("CMS Ops")
    with pytest.raises(PlacementError, match="lifetime of rules is 0 weeks"):
        RuleOptions("cmsops", 0)
    with pytest.raises(PlacementError, match="scope is 'a b'"):
        RuleOptions("cmsops", scope="a b")
    with pytest.raises(PlacementError, match="activity is 'Data rebalancing'; known are Data Brokering"):
        RuleOptions("cmsops", activity="Data rebalancing")


def test_the_dry_run_shows_lines_refusals_and_sums():
    _, plan = example()
    assert [row["action"] for row in plan_rows(plan)] == ["copy", "delete", "no copy"]
    assert [row["action"] for row in plan_rows(plan, keeps=True)] == ["copy", "delete", "keep", "no copy"]
    console = Console(width=80, record=True, file=StringIO())
    console.print(dry_run(plan))
    text = " ".join(console.export_text().split())
    assert f"{plan.lines[0].dataset} @ {plan.lines[0].rse}" in text
    assert "no room: 20 reads are expected (popular with 20%), but no disk has more than 3 of its 9 TB free" in text
    assert plan_summary(plan).startswith("3 TB to copy, 5 TB to delete, 1 left out; saves 130 reads")
