"""Suggestions in the store: those of the last time stand, cache by cache, and what became of them is on record."""

import pytest

pytest.importorskip("numba")

from opint.store import suggestions
from opint.store.engine import Store
from rl_cache.trials.suggestions import Judgement, RuleKind, Suggestion, TrialStatus
from tests.support.suggestions import suggested


def quota(target: str, saved: float = 1e12, status: TrialStatus = TrialStatus.ACTIVE) -> Suggestion:
    return suggested(RuleKind.QUOTA, target, saved, status, share=0.2)


def test_the_last_time_stands(store: Store) -> None:
    with store.begin() as tx:
        suggestions.keep(tx, "rome", [quota("RAW"), quota("AOD")], 1.0)
        suggestions.keep(tx, "bari", [quota("RAW")], 1.0)
        suggestions.keep(tx, "rome", [quota("RAW", 2e12), quota("NANOAOD", 5e12)], 2.0)
    with store.read() as tx:
        rows = suggestions.of_cache(tx, "rome")
        assert [row.target for row in rows] == ["NANOAOD", "RAW"]
        assert [row.updated_s for row in rows] == [2.0, 2.0]
        assert rows[0].status == "active"
        assert rows[0].saved_high == 1e13
        assert rows[0].saved_by_day == [5e12, 5e12]
        assert len(suggestions.of_cache(tx, "bari")) == 1


def test_none_at_all_is_an_answer(store: Store) -> None:
    with store.begin() as tx:
        suggestions.keep(tx, "rome", [quota("RAW")], 1.0)
        suggestions.keep(tx, "rome", [], 2.0)
    with store.read() as tx:
        assert not suggestions.of_cache(tx, "rome")


def test_what_became_of_a_suggestion_is_on_record(store: Store) -> None:
    withdrawn = Judgement(TrialStatus.WITHDRAWN, "LRU served 1 GiB more")
    with store.begin() as tx:
        suggestions.keep(tx, "rome", [quota("RAW", status=TrialStatus.ON_TRIAL), quota("AOD")], 1.0)
        suggestions.rejudge(tx, "rome", [quota("RAW"), quota("AOD")], 2.0)
        assert suggestions.decide(tx, "rome", "quota", "RAW", "accepted", "Ada", "", 3.0)
        assert suggestions.decide(tx, "rome", "quota", "RAW", "rejected", "Bob", "too small", 4.0)
        assert not suggestions.decide(tx, "rome", "pin", "RAW", "accepted", "Ada", "", 5.0)
        assert not suggestions.decide(tx, "bari", "quota", "RAW", "accepted", "Ada", "", 5.0)
        suggestions.keep(tx, "rome", [quota("RAW")], 6.0)
        (change,) = suggestions.rejudge(tx, "rome", [suggested(RuleKind.QUOTA, "RAW", judgement=withdrawn)], 7.0)
        assert change.status == "withdrawn"
        events = suggestions.history(tx, "rome", 20)
        (stored,) = suggestions.with_decisions(tx, "rome")
    assert [(event.target, event.event, event.actor, event.at_s) for event in events[:5]] == [
        ("RAW", "withdrawn", "", 7.0),
        ("AOD", "ended", "", 6.0),
        ("RAW", "rejected", "Bob", 4.0),
        ("RAW", "accepted", "Ada", 3.0),
        ("RAW", "active", "", 2.0),
    ]
    assert {(event.target, event.event) for event in events[5:]} == {("RAW", "on trial"), ("AOD", "active")}
    assert (stored.decision, stored.actor, stored.decision_reason, stored.decided_s) == (
        "rejected",
        "Bob",
        "too small",
        4,
    )
    assert stored.status == "withdrawn"


def test_a_decision_outlives_suggestions_that_are_made_again(store: Store) -> None:
    with store.begin() as tx:
        suggestions.keep(tx, "rome", [quota("RAW")], 1.0)
        suggestions.decide(tx, "rome", "quota", "RAW", "accepted", "Ada", "", 2.0)
        suggestions.keep(tx, "rome", [quota("RAW", 3e12), quota("AOD")], 3.0)
        decisions = {stored.target: stored.decision for stored in suggestions.with_decisions(tx, "rome")}
    assert decisions == {"RAW": "accepted", "AOD": None}
