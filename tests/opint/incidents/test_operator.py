"""What operators may do, and what they are told."""

import pytest
from sqlalchemy import select

from opint.incidents import operational, operator
from opint.incidents.operator import ActionError
from opint.store import feedback, incidents
from opint.store.feedback import Feedback, Verdict
from opint.store.incidents import UnknownIncidentError
from opint.store.tables import audit
from streams.source import Loss, Partition


@pytest.fixture
def number(store) -> int:
    with store.begin() as tx:
        return operational.data_lost(tx, Loss(Partition("c", "t", 0), 1, 9), 1.0)


def _history(store) -> list[tuple]:
    with store.read() as tx:
        rows = tx.execute(select(audit.c.at_s, audit.c.actor, audit.c.action, audit.c.detail).order_by(audit.c.id))
        return [tuple(row) for row in rows][1:]


def test_every_deed_is_kept(store, number) -> None:
    with store.begin() as tx:
        operator.acknowledge(tx, number, "ana", " looking ", 2.0)
        operator.comment(tx, number, "ben", "cable", 3.0)
        operator.resolve(tx, number, "ana", "", 4.0)
        operator.comment(tx, number, "ben", "thanks", 5.0)
        response = incidents.get(tx, number)
    assert (
        response.state,
        response.acknowledged_by,
        response.acknowledged_s,
        response.resolved_by,
        response.resolved_s,
        response.updated_s,
    ) == (
        "resolved",
        "ana",
        2.0,
        "ana",
        4.0,
        5.0,
    )
    assert _history(store) == [
        (2.0, "ana", "acknowledged", "looking"),
        (3.0, "ben", "commented", "cable"),
        (4.0, "ana", "resolved", ""),
        (5.0, "ben", "commented", "thanks"),
    ]


def test_what_the_state_forbids_is_refused_and_leaves_no_trace(store, number) -> None:
    with store.begin() as tx:
        operator.acknowledge(tx, number, "ana", "", 2.0)
        with pytest.raises(ActionError, match=f"incident {number} is acknowledged by ana already"):
            operator.acknowledge(tx, number, "ben", "", 3.0)
        operator.resolve(tx, number, "ana", "", 4.0)
        for act in (operator.resolve, operator.acknowledge):
            with pytest.raises(ActionError, match=f"incident {number} was resolved by ana already"):
                act(tx, number, "ben", "", 5.0)
    assert [item[2] for item in _history(store)] == ["acknowledged", "resolved"]


def test_an_end_can_be_taken_back(store, number) -> None:
    with store.begin() as tx:
        with pytest.raises(ActionError, match=f"incident {number} is open: there is nothing to reopen"):
            operator.reopen(tx, number, "ana", "", 1.5)
        operator.resolve(tx, number, "ana", "", 2.0)
        operator.reopen(tx, number, "ben", "too early", 3.0)
        response = incidents.get(tx, number)
        assert (response.state, response.resolved_s, response.resolved_by) == ("open", None, None)
        operator.acknowledge(tx, number, "ben", "", 4.0)
        operator.resolve(tx, number, "ben", "", 5.0)
        operator.reopen(tx, number, "ben", "", 6.0)
        assert incidents.get(tx, number).state == "acknowledged"
    assert _history(store)[:2] == [(2.0, "ana", "resolved", ""), (3.0, "ben", "reopened", "too early")]


def test_what_opened_anew_is_not_reopened(store, number) -> None:
    with store.begin() as tx:
        operator.resolve(tx, number, "ana", "", 2.0)
        successor = operational.data_lost(tx, Loss(Partition("c", "t", 0), 20, 29), 3.0)
        with pytest.raises(ActionError, match=f"incident {successor} stands for the same fault since"):
            operator.reopen(tx, number, "ana", "", 4.0)


@pytest.mark.parametrize("act", [operator.acknowledge, operator.resolve, operator.comment])
def test_an_unknown_incident_is_said_to_be_unknown(store, act) -> None:
    with store.begin() as tx, pytest.raises(UnknownIncidentError, match="there is no incident 5"):
        act(tx, 5, "ana", "text", 1.0)


@pytest.mark.parametrize("act", [operator.acknowledge, operator.resolve, operator.comment])
@pytest.mark.parametrize(("actor", "message"), [(" ", "is empty"), ("nightshift", "the name of the system itself")])
def test_somebody_must_have_done_it(store, number, act, actor, message) -> None:
    with store.begin() as tx, pytest.raises(ActionError, match=message):
        act(tx, number, actor, "text", 1.0)


def test_an_empty_comment_says_nothing(store, number) -> None:
    with store.begin() as tx, pytest.raises(ActionError, match="the comment is empty"):
        operator.comment(tx, number, "ana", " \n", 1.0)


def test_long_and_odd_texts_are_kept_as_far_as_possible(store, number) -> None:
    with store.begin() as tx:
        operator.comment(tx, number, "a\0na" * 100, "x\0\ud800" * 3000, 2.0)
    ((_, actor, _, text),) = _history(store)
    assert (len(actor), len(text), "\0" in actor + text) == (200, 4000, False)


def test_verdicts_are_kept_and_may_change(store, number) -> None:
    with store.begin() as tx:
        operator.confirm(tx, number, "ana", "cable out", 2.0)
        operator.dispute(tx, number, "ben", "cable was in", 3.0)
        assert feedback.load(tx, number) == Feedback(Verdict.FALSE_ALARM, "ben", 3.0)
        assert incidents.get(tx, number).state == "open", "a verdict ends nothing"
    assert _history(store) == [
        (2.0, "ana", "confirmed", "cable out"),
        (3.0, "ben", "called a false alarm", "cable was in"),
    ]


def test_the_same_verdict_twice_is_refused(store, number) -> None:
    with store.begin() as tx:
        operator.dispute(tx, number, "ben", "", 3.0)
    with pytest.raises(ActionError, match="was called a false alarm by ben already"), store.begin() as tx:
        operator.dispute(tx, number, "ana", "", 4.0)
