"""Suggestions in the store: those of the last time stand, cache by cache."""

import pytest

pytest.importorskip("numba")

from opint.store import suggestions
from opint.store.engine import Store
from rl_cache.trials.suggestions import Judgement, RuleKind, Suggestion, TrialStanding


def one(target: str, saved: float = 1e12) -> Suggestion:
    judgement = Judgement(TrialStanding.ACTIVE, "saved 1.00 TB a day over 7 days")
    return Suggestion(RuleKind.QUOTA, target, 0.2, saved, 0.5 * saved, 2 * saved, 3e11, "read seldom", judgement)


def test_the_last_time_stands(store: Store) -> None:
    with store.begin() as tx:
        suggestions.keep(tx, "rome", [one("RAW"), one("AOD")], 1.0)
        suggestions.keep(tx, "bari", [one("RAW")], 1.0)
        suggestions.keep(tx, "rome", [one("RAW", 2e12), one("NANOAOD", 5e12)], 2.0)
    with store.read() as tx:
        rows = suggestions.of_cache(tx, "rome")
        assert [row.target for row in rows] == ["NANOAOD", "RAW"]
        assert [row.updated_s for row in rows] == [2.0, 2.0]
        assert rows[0].standing == "active"
        assert rows[0].saved_high == 1e13
        assert len(suggestions.of_cache(tx, "bari")) == 1


def test_none_at_all_is_an_answer(store: Store) -> None:
    with store.begin() as tx:
        suggestions.keep(tx, "rome", [one("RAW")], 1.0)
        suggestions.keep(tx, "rome", [], 2.0)
    with store.read() as tx:
        assert not suggestions.of_cache(tx, "rome")
