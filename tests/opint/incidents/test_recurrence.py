"""Short faults, and what becomes of those that come back."""

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from conf.settings import AlertSettings
from dqm.core.quality import Reason
from opint.incidents import operator, update
from opint.incidents.rule import Observation, walk
from opint.store import lumisections, occurrences, short_faults
from opint.store.engine import Store
from opint.store.tables import incident, occurrence
from streams.records import LumisectionKey

FOLDER = "Muon/Sector1"
FIRST = f"{FOLDER}/me0"
BAD = {FIRST: Reason.DEVIATES}
RULES = AlertSettings(raise_bad=2, raise_of=3, clear_good=4, recurring_records=3)
DATASET = "/Muon/A/DQM"


@pytest.fixture
def feed(store, judge):
    """Judge one run's lumisections, each in a transaction of its own; those named are ``bad``, and certain."""

    def run(numbers: range, bad: set[int] = frozenset(), number: int = 1, certain: bool = True, **more) -> None:
        for ls in numbers:
            sure = frozenset({FOLDER}) if certain else frozenset()
            state = judge(number, ls, BAD if ls in bad else {}, certain=sure, **more)
            with store.begin() as tx:
                lumisections.save(tx, [state], {}, 1.0)
                update.update(tx, [state], RULES, 2.0)

    return run


def listed(store: Store, run: int = 1) -> list[int]:
    with store.read() as tx:
        return [fault.ls for fault in short_faults.of_run(tx, DATASET, run)]


def stored(store: Store) -> list[tuple[str, str]]:
    with store.read() as tx:
        return [(row.state, row.title) for row in tx.execute(select(incident).order_by(incident.c.id))]


def test_one_bad_lumisection_is_recorded_and_calls_nobody(store, feed) -> None:
    feed(range(1, 10), {5})
    assert listed(store) == [5]
    assert stored(store) == []
    with store.read() as tx:
        (fault,) = short_faults.of_run(tx, DATASET, 1)
    assert (fault.family, fault.element_group, fault.elements, fault.size) == ("content", FOLDER, [FIRST], 4)
    assert (fault.kind, fault.incident) == ("dead", None)


def test_what_one_lumisection_cannot_tell_is_no_record(store, feed) -> None:
    feed(range(1, 10), {5}, certain=False)
    assert listed(store) == []


def test_a_reason_that_needs_no_p_value_is_recorded(store, judge) -> None:
    state = judge(1, 3, {FIRST: Reason.MISSING, f"{FOLDER}/me1": Reason.STARVED})
    with store.begin() as tx:
        lumisections.save(tx, [state], {}, 1.0)
        update.update(tx, [state], RULES, 2.0)
        assert {fault.family for fault in short_faults.of_run(tx, DATASET, 1)} == {"missing", "starved"}


def test_an_incident_takes_a_record_in_and_gives_it_back(store, feed) -> None:
    feed(range(1, 6), {5})
    feed(range(6, 8), {6})
    assert listed(store) == []
    feed(range(6, 7), set(), revision=2)
    assert listed(store) == [5]


def test_a_revised_lumisection_is_no_record_any_longer(store, feed) -> None:
    feed(range(1, 6), {5})
    feed(range(5, 6), set(), revision=2)
    assert listed(store) == []


def test_faults_that_come_back_become_an_incident_with_its_history(store, feed) -> None:
    feed(range(1, 9), {2, 5, 8})
    (state, title), *further = stored(store)
    assert (state, further) == ("open", [])
    assert title == "DT Muon/Sector1: dead channels recurs, 3 short faults since run 1 LS 2"
    feed(range(9, 13))
    assert stored(store)[0][0] == "resolved"
    feed(range(13, 14), {13})
    assert stored(store) == [("open", title.replace("3 short", "4 short"))]
    with store.read() as tx:
        assert {fault.incident for fault in short_faults.of_run(tx, DATASET, 1)} == {1}
        result = occurrences.between(tx, [1], LumisectionKey(1, 1), LumisectionKey(1, 99))[1]
    assert [item.key.ls for item in result] == [2, 5, 8, 13]


def test_faults_of_different_runs_do_not_add_up(store, feed) -> None:
    feed(range(1, 9), {2, 5})
    feed(range(1, 9), {2, 5}, number=2)
    assert stored(store) == []


def test_an_incident_of_too_few_is_withdrawn(store, feed) -> None:
    feed(range(1, 9), {2, 5, 8})
    feed(range(5, 6), set(), revision=2)
    assert [state for state, _ in stored(store)] == ["resolved"]
    assert listed(store) == [2, 8]


def test_what_a_person_has_resolved_stays_so_and_others_count_anew(store, feed) -> None:
    feed(range(1, 9), {2, 5, 8})
    with store.begin() as tx:
        operator.resolve(tx, 1, "Ada", "known", 3.0)
    feed(range(9, 20), {11, 14, 17})
    assert [state for state, _ in stored(store)] == ["resolved", "open"]
    assert stored(store)[1][1].endswith("3 short faults since run 1 LS 11")


@pytest.fixture(scope="module")
def shared_store(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database for all examples, each of which has a dataset of its own."""
    path = tmp_path_factory.mktemp("recurrence") / "nightshift.db"
    shutil.copy(sqlite_template, path)
    opened = Store.open(f"sqlite:///{path}")
    yield opened
    opened.close()


NUMBERS = count()
KINDS = {"ok": {}, "bad": BAD, "sure": BAD, "unseen": {FIRST: Reason.LOW_STATISTICS}}


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[LumisectionKey, str], list[list[LumisectionKey]], AlertSettings]:
    """Verdicts of some lumisections of two runs, and the batches in which they arrive."""
    kind = st.sampled_from(["ok", "ok", "ok", "sure", "sure", "bad", "unseen"])
    keys = [LumisectionKey(run, ls) for run in (1, 2) for ls in range(1, draw(st.integers(1, 14)))]
    order, batches = list(draw(st.permutations(keys))), []
    while order:
        size = draw(st.integers(1, 6))
        batches.append(order[:size])
        order = order[size:]
    raise_of = draw(st.integers(2, 4))
    rules = AlertSettings(
        raise_bad=draw(st.integers(2, raise_of)),
        raise_of=raise_of,
        clear_good=draw(st.integers(1, 4)),
        recurring_records=draw(st.integers(2, 3)),
    )
    return {key: draw(kind) for key in keys}, batches, rules


def expected(kinds: dict[LumisectionKey, str], rules: AlertSettings) -> list[tuple[list[LumisectionKey], bool]]:
    """Lumisections of the incident of each run whose faults recur, and whether it is still active."""
    other_elements = frozenset(f"{FOLDER}/me{number}" for number in (1, 2, 3))
    window = []
    for key in sorted(kinds):
        bad = (FIRST,) if KINDS[kinds[key]] is BAD else ()
        inspected = other_elements if kinds[key] != "ok" else other_elements | {FIRST}
        window.append(Observation(key, bad, frozenset(bad), inspected))
    ordinary = {key for episode in walk(window, None, [], rules) for key in episode.keys}
    recurring = []
    for run in (1, 2):
        faults = [key for key in sorted(kinds) if key.run == run and kinds[key] == "sure" and key not in ordinary]
        if len(faults) < rules.recurring_records:
            continue
        good, active = 0, True
        for observation in window:
            if observation.key > faults[-1]:
                good = 0 if observation.bad else good + observation.heals((FIRST,))
                active = active and good < rules.clear_good
        recurring.append((faults, active))
    return recurring


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_any_order_of_arrival_leads_to_the_same_recurring_incidents(shared_store: Store, judge, history) -> None:
    kinds, batches, rules = history
    dataset = f"/{next(NUMBERS)}"
    for batch in batches:
        states = [
            judge(
                key.run,
                key.ls,
                KINDS[kinds[key]],
                dataset=dataset,
                certain=frozenset({FOLDER} if kinds[key] == "sure" else ()),
            )
            for key in batch
        ]
        with shared_store.begin() as tx:
            lumisections.save(tx, states, {}, 1.0)
            update.update(tx, states, rules, 2.0)
    query = (
        select(incident.c.recurring_run, incident.c.state, occurrence.c.run, occurrence.c.ls)
        .join(occurrence, occurrence.c.incident_id == incident.c.id)
        .where(incident.c.dataset == dataset, incident.c.recurring_run.is_not(None))
        .order_by(incident.c.recurring_run, occurrence.c.ls)
    )
    results: dict[int, tuple[list[LumisectionKey], bool]] = {}
    with shared_store.read() as tx:
        for number, state, run, ls in tx.execute(query):
            results.setdefault(number, ([], state != "resolved"))[0].append(LumisectionKey(run, ls))
    assert list(results.values()) == expected(kinds, rules)
