"""An acknowledgement is bound to the fault that it was given for."""

import pytest
from sqlalchemy import select

from dqm.core.quality import Reason
from opint.consumer.stalls import DAY_S
from opint.incidents import acknowledgement, operator
from opint.incidents.operator import ActionError
from opint.incidents.update import update
from opint.store import earlier, incidents, lumisections
from opint.store.tables import audit
from tests.support.incidents import end_incident, open_incident


@pytest.fixture
def feed(store, judge, rules):
    """``feed(ls, {me: reason})``: a closed lumisection becomes incidents."""

    def apply(ls, bad, **values):
        state = judge(1, ls, dict.fromkeys(bad, Reason.DEVIATES), **values)
        with store.begin() as tx:
            lumisections.save(tx, [state], {}, float(ls))
            update(tx, [state], rules, float(ls))

    return apply


@pytest.fixture
def acknowledged(store, feed, mes):
    """An incident of two MEs, of which ada says that she looks at it; its number."""
    for ls in (1, 2):
        feed(ls, mes[:2])
    with store.begin() as tx:
        operator.acknowledge(tx, 1, "ada", "", 2.5)
    return 1


def state(store, number=1):
    with store.read() as tx:
        details = tx.scalars(
            select(audit.c.detail).where(audit.c.action == acknowledgement.CALLED_AGAIN, audit.c.incident_id == number)
        )
        return incidents.get(tx, number).state, list(details)


def test_what_goes_on_as_it_was_calls_nobody(store, feed, mes, acknowledged):
    for ls in (3, 4):
        feed(ls, mes[:2])
    feed(5, mes[:3])
    assert state(store) == ("acknowledged", [])


def test_new_elements_call_again(store, feed, mes, acknowledged):
    feed(3, mes[:4])
    assert state(store)[0] == "open"
    (detail,) = state(store)[1]
    assert f"2 monitoring elements are new: {mes[2]}, {mes[3]}" in detail
    assert "acknowledged by ada before" in detail


def test_another_kind_of_fault_calls_again(store, feed, mes, acknowledged):
    for ls in range(3, 12):
        feed(ls, mes[:2], kind="hot")
    assert state(store) == ("open", ["dead became hot (acknowledged by ada before)"])


def test_who_acknowledges_anew_is_asked_again_only_after_another_change(store, feed, mes, acknowledged):
    feed(3, mes[:4])
    with store.begin() as tx:
        operator.acknowledge(tx, 1, "ben", "", 3.5)
    feed(4, mes[:4])
    assert (state(store)[0], len(state(store)[1])) == ("acknowledged", 1)


def test_an_acknowledgement_for_a_time_ends_with_it(store):
    with store.begin() as tx:
        number = open_incident(tx)
        operator.acknowledge(tx, number, "ada", "", 1000.0, 1600.0)
        assert acknowledgement.expire(tx, 1599.0) == []
        (ended,) = acknowledgement.expire(tx, 1600.0)
        assert acknowledgement.expire(tx, 1601.0) == []
        assert (ended.state, ended.acknowledged_by) == ("open", None)
    assert state(store, number) == (
        "open",
        ["the time of the acknowledgement is over (acknowledged by ada before)"],
    )


@pytest.mark.parametrize("until_s", [1000.0, 1000.0 + 32 * DAY_S])
def test_a_time_that_cannot_be_is_refused(until_s, store):
    with store.begin() as tx, pytest.raises(ActionError, match="must lie ahead, at most 31 days"):
        operator.acknowledge(tx, open_incident(tx), "ada", "", 1000.0, until_s)


def test_an_incident_is_assigned(store):
    with store.begin() as tx:
        number = open_incident(tx)
        operator.assign(tx, number, "ada", "ben", 1001.0)
        assert incidents.get(tx, number).assigned_to == "ben"
        operator.assign(tx, number, "ada", " ", 1002.0)
        assert incidents.get(tx, number).assigned_to == "ada"
        end_incident(tx, number)
        with pytest.raises(ActionError, match="was resolved by nightshift already"):
            operator.assign(tx, number, "ada", "ben", 1200.0)


def test_recurrence_counts_a_week_and_knows_the_last_time(store):
    with store.begin() as tx:
        numbers = []
        for day in (0, 2, 5, 8):
            number = open_incident(tx, at_s=day * DAY_S)
            numbers.append(number)
            operator.comment(tx, number, "ada", f"cable {day}", day * DAY_S + 1)
            operator.resolve(tx, number, "ben", "", day * DAY_S + 2)
        by_incident = earlier.recurrences(tx, numbers)
    assert numbers[0] not in by_incident
    assert [by_incident[number].times for number in numbers[1:]] == [2, 3, 3]
    newest = by_incident[numbers[3]].newest
    assert (newest.id, newest.resolved_by, newest.comment) == (numbers[2], "ben", "cable 5")
