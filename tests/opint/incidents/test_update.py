"""Verdicts make, continue and end incidents."""

import threading
from collections.abc import Sequence
from time import perf_counter

import pytest
from sqlalchemy import event, func, select

from conf.settings import AlertSettings
from dqm.core.quality import Reason
from dqm.core.state import LumisectionState
from opint.incidents import operational, operator, update
from opint.incidents.update import IncidentUpdate
from opint.store import feedback, lumisections
from opint.store.engine import Store
from opint.store.feedback import Feedback, Verdict
from opint.store.tables import audit, incident, occurrence
from streams.source import Loss, Partition

BAD = {"Muon/Sector1/me0": Reason.DEVIATES}


@pytest.fixture
def feed(store: Store, rules: AlertSettings):
    """Stores lumisections and updates the incidents, in one transaction."""

    def _feed(states: Sequence[LumisectionState], now_s: float = 100.0) -> IncidentUpdate:
        with store.begin() as tx:
            lumisections.save(tx, states, {}, now_s)
            return update.update(tx, states, rules, now_s)

    return _feed


def _incidents(store: Store) -> list:
    with store.read() as tx:
        return list(tx.execute(select(incident).order_by(incident.c.id)))


def _history(store: Store, number: int = 1) -> list[str]:
    with store.read() as tx:
        return list(tx.scalars(select(audit.c.action).where(audit.c.incident_id == number).order_by(audit.c.id)))


def _occurrences(store: Store, number: int = 1) -> list[tuple[int, int]]:
    query = select(occurrence.c.run, occurrence.c.ls).where(occurrence.c.incident_id == number)
    with store.read() as tx:
        return sorted(tuple(row) for row in tx.execute(query))


def test_one_bad_lumisection_raises_nothing(store, feed, judge) -> None:
    assert not feed([judge(1, 1), judge(1, 2, BAD), judge(1, 3), judge(1, 4), judge(1, 5, BAD)]).opened
    assert _incidents(store) == []


def test_an_incident_is_raised_and_named_for_a_shifter(store, feed, judge, mes) -> None:
    feed([judge(379415, 119), judge(379415, 120, dict.fromkeys(mes[:3], Reason.DEVIATES))])
    (opened,) = feed([judge(379415, 121, BAD)], now_s=150.0).opened
    (row,) = _incidents(store)
    assert row.id == opened.id
    assert row.title == "DT Muon/Sector1: dead channels in 3 of 4 monitoring elements since run 379415 LS 120"
    assert row.explanation.startswith("Worst in run 379415 LS 120: Muon/Sector1/me0 (p = 0.0001). bin 3 of")
    assert (row.state, row.severity, row.kind, row.family) == ("open", "critical", "dead", "content")
    assert (row.first_run, row.first_ls, row.last_run, row.last_ls) == (379415, 120, 379415, 121)
    assert (row.lumisections, row.elements, row.opened_s, row.model_version) == (2, 3, 150.0, "m1")
    assert _history(store) == ["opened"]


def test_folders_and_families_are_told_apart(store, feed, judge) -> None:
    bad = {"Muon/Sector1/me0": Reason.DEVIATES, "Muon/Sector1/me1": Reason.MISSING, "Muon/Sector2/me0": Reason.DEVIATES}
    feed([judge(1, ls, bad) for ls in (1, 2)])
    rows = _incidents(store)
    assert {(row.family, row.element_group) for row in rows} == {
        ("content", "Muon/Sector1"),
        ("missing", "Muon/Sector1"),
        ("content", "Muon/Sector2"),
    }
    assert len({row.fingerprint for row in rows}) == 3


def test_warnings_raise_nothing(store, feed, judge) -> None:
    feed([judge(1, ls, other_reason=Reason.SUSPECT) for ls in range(1, 6)])
    assert _incidents(store) == []


def test_it_clears_after_good_ones_and_opens_anew_as_another(store, feed, judge) -> None:
    feed([judge(1, ls, BAD) for ls in (1, 2)])
    assert not feed([judge(1, 3), judge(1, 4)]).cleared
    (cleared,) = feed([judge(1, 5)], now_s=200.0).cleared
    (row,) = _incidents(store)
    assert (cleared.id, row.state, row.resolved_by, row.resolved_s) == (row.id, "resolved", "nightshift", 200.0)
    assert _history(store) == ["opened", "cleared"]
    feed([judge(1, ls, BAD) for ls in (6, 7)])
    assert [item.state for item in _incidents(store)] == ["resolved", "open"]


@pytest.mark.parametrize("reason", [Reason.LOW_STATISTICS, Reason.NO_MODEL, Reason.NO_STABLE_BEAMS, Reason.MISSING])
def test_what_is_not_inspected_clears_nothing(store, feed, judge, reason) -> None:
    feed([judge(1, ls, BAD) for ls in (1, 2)])
    feed([judge(1, ls, {"Muon/Sector1/me0": reason}) for ls in range(3, 20)])
    assert _incidents(store)[0].state == "open"


def test_it_goes_on_across_runs(store, feed, judge) -> None:
    feed([judge(1, 98, BAD), judge(1, 99, BAD)])
    feed([judge(2, 1, BAD), judge(3, 1, BAD)])
    (row,) = _incidents(store)
    assert (row.last_run, row.last_ls, row.lumisections) == (3, 1, 4)


def test_a_whole_run_histogram_raises_at_once(store, feed, judge) -> None:
    feed([judge(7, 0, BAD)])
    (row,) = _incidents(store)
    assert row.title.endswith("since run 7")


def test_a_late_bad_one_joins_the_incident_that_covers_it_even_when_cleared(store, feed, judge) -> None:
    feed([judge(1, 10, BAD), judge(1, 12, BAD), *(judge(1, ls) for ls in (13, 14, 15))])
    assert _incidents(store)[0].state == "resolved"
    assert not feed([judge(1, 11, BAD)]).opened
    (row,) = _incidents(store)
    assert (row.state, row.lumisections) == ("resolved", 3)
    assert _occurrences(store) == [(1, 10), (1, 11), (1, 12)]
    assert _history(store)[-1] == "seen"


def test_a_revision_to_good_takes_the_occurrence_back(store, feed, judge) -> None:
    feed([judge(1, ls, BAD) for ls in (1, 2, 3)])
    feed([judge(1, 2, revision=2)])
    (row,) = _incidents(store)
    assert (row.lumisections, row.state) == (2, "open")
    assert _occurrences(store) == [(1, 1), (1, 3)]
    assert _history(store) == ["opened", "revised"]


def test_an_incident_without_reason_is_withdrawn_but_not_forgotten(store, feed, judge) -> None:
    feed([judge(1, ls, BAD) for ls in (1, 2)])
    feed([judge(1, 2, revision=2)])
    (row,) = _incidents(store)
    assert (row.state, row.lumisections, row.first_run) == ("resolved", 0, None)
    assert _history(store) == ["opened", "revised", "withdrawn"]


def test_late_bad_ones_make_two_incidents_one(store, feed, judge) -> None:
    feed(
        [judge(1, ls, BAD) for ls in (1, 2)] + [judge(1, ls) for ls in (3, 4, 6)] + [judge(1, ls, BAD) for ls in (7, 8)]
    )
    assert [item.state for item in _incidents(store)] == ["resolved", "open"]
    feed([judge(1, 5, BAD)])
    first, second = _incidents(store)
    alive, gone = (first, second) if first.lumisections else (second, first)
    assert (alive.state, alive.lumisections, gone.state, gone.lumisections) == ("open", 5, "resolved", 0)


def test_it_worsens_but_never_improves(store, feed, judge, mes) -> None:
    feed([judge(1, ls, BAD) for ls in (1, 2)])
    assert _incidents(store)[0].severity == "warning"
    feed([judge(1, 3, dict.fromkeys(mes[:2], Reason.DEVIATES))])
    feed([judge(1, 4, BAD)])
    assert _incidents(store)[0].severity == "critical"
    assert _history(store) == ["opened", "worsened"]


def test_the_title_follows_the_fault_and_the_history_says_so(store, feed, judge) -> None:
    feed([judge(1, ls, BAD, kind="dead") for ls in range(1, 21)])
    (before,) = _incidents(store)
    feed([judge(2, ls, BAD, kind="shift") for ls in range(1, 5)])
    assert _incidents(store)[0].title == before.title, "four of the newest eight may be guesses"
    feed([judge(2, ls, BAD, kind="shift") for ls in range(5, 9)])
    (row,) = _incidents(store)
    assert row.kind == "shift"
    assert row.title == (
        "DT Muon/Sector1: a shifted distribution in 1 of 4 monitoring elements since run 1 LS 1"
        " (at first dead channels)"
    )
    assert row.explanation.startswith("Worst in run 2 LS 8:")
    assert _history(store) == ["opened", "changed"]
    feed([judge(2, ls, BAD, kind=kind) for ls, kind in ((9, "hot"), (10, "shift"), (11, "unknown"), (12, "shift"))])
    assert _incidents(store)[0].title == row.title, "a guess that differs changes nothing"
    assert _history(store) == ["opened", "changed"]


def test_a_reopened_incident_goes_on_and_clears_as_before(store, feed, judge, rules) -> None:
    feed([judge(1, ls, BAD) for ls in (1, 2, 3)])
    with store.begin() as tx:
        operator.resolve(tx, 1, "ana", "", 10.0)
        operator.reopen(tx, 1, "ana", "", 11.0)
    feed([judge(1, 4), judge(1, 5, BAD)])
    assert [row.id for row in _incidents(store)] == [1], "it goes on; no second one opens"
    assert _occurrences(store) == [(1, 1), (1, 2), (1, 3), (1, 5)]
    feed([judge(1, ls) for ls in range(6, 6 + rules.clear_good)])
    assert _incidents(store)[0].resolved_by == "nightshift"
    assert _history(store) == ["opened", "resolved", "reopened", "cleared"]


def test_the_commonest_kind_names_it(store, feed, judge) -> None:
    feed([judge(1, ls, BAD, kind="hot") for ls in (1, 2)])
    feed([judge(1, ls, BAD, kind="noisy") for ls in (3, 4, 5)])
    (row,) = _incidents(store)
    assert (row.kind, "noisy channels" in row.title) == ("noisy", True)


def test_what_a_person_resolved_stays_resolved_and_a_new_one_opens(store, feed, judge) -> None:
    feed([judge(1, ls, BAD) for ls in (1, 2, 4)])
    with store.begin() as tx:
        operator.resolve(tx, 1, "ana", "fixed", 150.0)
    feed([judge(1, 5, BAD)])
    assert len(_incidents(store)) == 1
    feed([judge(1, 6, BAD)])
    assert [item.state for item in _incidents(store)] == ["resolved", "open"]
    feed([judge(1, 3, BAD)])
    assert _occurrences(store, 1) == [(1, 1), (1, 2), (1, 3), (1, 4)]
    assert _occurrences(store, 2) == [(1, 5), (1, 6)]
    assert _incidents(store)[0].resolved_by == "ana"


def test_the_name_of_who_acknowledged_survives_a_reopening(store, feed, judge) -> None:
    feed([judge(1, ls, BAD) for ls in (1, 2)])
    with store.begin() as tx:
        operator.acknowledge(tx, 1, "ana", "", 150.0)
    feed([judge(1, ls) for ls in (4, 5, 6)])
    assert _incidents(store)[0].state == "resolved"
    feed([judge(1, 7, BAD), judge(1, 8)])
    feed([judge(1, 3, BAD), judge(1, 5, BAD, revision=2)])
    assert (_incidents(store)[0].state, _incidents(store)[0].acknowledged_by) == ("acknowledged", "ana")
    assert _history(store)[-1] in {"reopened", "seen"}
    assert "reopened" in _history(store)


def test_updating_twice_changes_nothing(store, feed, judge) -> None:
    states = [judge(1, ls, BAD if ls < 4 else None) for ls in range(1, 9)]
    feed(states)
    before = (_incidents(store), _history(store), _occurrences(store))
    feed(states, now_s=999.0)
    assert (_incidents(store), _history(store), _occurrences(store)) == before


def test_a_fault_of_a_thousand_lumisections_is_one_incident(store, feed, judge) -> None:
    for first in range(1, 1000, 100):
        feed([judge(1, ls, BAD) for ls in range(first, first + 100)])
    (row,) = _incidents(store)
    assert (row.lumisections, row.first_ls, row.last_ls) == (1000, 1, 1000)


def test_an_incident_unseen_for_long_still_clears(store, feed, judge) -> None:
    feed([judge(1, ls, BAD) for ls in (1, 2)])
    feed([judge(1, ls, other_reason=Reason.NO_STABLE_BEAMS) for ls in range(3, 400)])
    feed([judge(1, ls) for ls in range(400, 402)])
    assert _incidents(store)[0].state == "open"
    feed([judge(1, 402)])
    assert _incidents(store)[0].state == "resolved"


def test_two_connections_never_double_an_incident(store, feed, judge, rules) -> None:
    """Both see the second bad lumisection of the same fault; neither sees what the other has not committed."""
    feed([judge(1, 1, BAD)])
    begun = threading.Event()

    def second() -> None:
        begun.set()
        feed([judge(1, 3, BAD)])

    thread = threading.Thread(target=second)
    with store.begin() as tx:
        states = [judge(1, 2, BAD)]
        lumisections.save(tx, states, {}, 1.0)
        update.update(tx, states, rules, 1.0)
        thread.start()
        begun.wait()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join(5)
    (row,) = _incidents(store)
    assert row.lumisections == 3


def test_many_writers_at_once_make_one_incident(store, feed, judge) -> None:
    threads = [threading.Thread(target=feed, args=([judge(1, ls, BAD)],)) for ls in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    (row,) = _incidents(store)
    assert row.lumisections == 8


def test_good_lumisections_cost_next_to_nothing(store, feed, judge, rules) -> None:
    states = [judge(1, ls) for ls in range(1, 17)]
    feed(states)
    with store.begin() as tx:
        update.update(tx, states, rules, 1.0)
        times = []
        for _ in range(20):
            begin = perf_counter()
            update.update(tx, states, rules, 1.0)
            times.append(perf_counter() - begin)
    # Ten times what it takes on an idle machine: this finds a scan, not a slow machine.
    assert min(times) < 0.015


def test_lost_messages_raise_one_critical_incident_that_stays(store, feed, judge) -> None:
    partition = Partition("c", "dqm.histograms", 3)
    with store.begin() as tx:
        number = operational.data_lost(tx, Loss(partition, 100, 250), 1.0)
        assert operational.data_lost(tx, Loss(partition, 300, 301), 2.0) == number
        other = operational.data_lost(tx, Loss(Partition("c", "dqm.histograms", 4), 9, 0), 3.0)
    feed([judge(1, ls) for ls in range(1, 30)])
    rows = {row.id: row for row in _incidents(store)}
    assert rows.keys() == {number, other}
    assert rows[number].title == "dqm.histograms[3]: 1 message lost, offsets 300 to 300, and others before"
    assert rows[other].title == "dqm.histograms[4]: messages lost, offset 9 was expected and 0 came"
    assert {(row.severity, row.state, row.family) for row in rows.values()} == {("critical", "open", "data-lost")}
    assert _history(store, number) == ["opened", "worsened"]
    with store.begin() as tx:
        operator.resolve(tx, number, "ana", "data published again", 4.0)
        assert operational.data_lost(tx, Loss(partition, 400, 500), 5.0) != number


def test_no_lumisections_are_no_trouble(store, rules) -> None:
    with store.begin() as tx:
        assert update.update(tx, [], rules, 1.0) == IncidentUpdate()
        assert tx.execute(select(func.count()).select_from(incident)).scalar_one() == 0


@pytest.mark.parametrize("number", [1, 2])
def test_an_operators_word_goes_with_the_occurrences_of_a_merged_incident(store, feed, judge, number) -> None:
    good_at = (3, 4, 5)
    feed([judge(1, ls, None if ls in good_at else BAD) for ls in range(1, 8)])
    with store.begin() as tx:
        operator.confirm(tx, number, "ana", "", 150.0)
    feed([judge(1, 4, BAD, revision=2)], now_s=200.0)
    (remaining,) = [row.id for row in _incidents(store) if row.lumisections]
    assert [len(_occurrences(store, item)) for item in (remaining, 3 - remaining)] == [5, 0]
    with store.read() as tx:
        assert feedback.load(tx, remaining) == Feedback(Verdict.TRUE, "ana", 150.0)
        assert feedback.load(tx, 3 - remaining) is None


@pytest.mark.parametrize("sectors", [1, 2])
def test_queries_do_not_grow_with_the_number_of_incidents(store, rules, judge, mes, sectors) -> None:
    """All that is needed is read once: with two sectors it took 57 queries to open eight incidents, 25 to go on."""
    families = (Reason.DEVIATES, Reason.MISSING, Reason.FROZEN, Reason.WRONG_SHAPE)
    bad = {name: families[number % 4] for number, name in enumerate(mes[: 4 * sectors])}
    steps = [judge(1, ls, bad) for ls in (1, 2, 3)] + [judge(1, ls) for ls in (4, 5, 6, 7)]
    counted, statements = [], []
    for state in steps:
        with store.begin() as tx:
            lumisections.save(tx, [state], {}, 1.0)
            statements.clear()
            event.listen(tx, "before_cursor_execute", lambda *call: statements.append(call[2]))
            done = update.update(tx, [state], rules, 1.0)
            queries = [text for text in statements if text.startswith("SELECT") and "advisory_xact_lock" not in text]
            counted.append((len(queries), len(done.opened), len(done.cleared)))
    waiting, opening, going_on, *clearing, after = counted
    assert opening[1] == 4 * sectors
    assert clearing[-1][2] == 4 * sectors
    assert [row[0] for row in (waiting, opening, going_on, *clearing, after)] == [10, 16, 13, 11, 11, 12, 2]
