"""Offsets never go back, and belong to one consumer at a time."""

import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opint.store import offsets
from opint.store.engine import Store
from streams.errors import FencedError
from streams.source import Partition

P = Partition("cluster", "dqm.histograms", 3)


def test_a_new_partition_has_no_offset(store: Store) -> None:
    with store.begin() as tx:
        assert offsets.claim(tx, P, "g", "a", 1.0) is None
        assert offsets.lock(tx, P, "g", "a") is None


def test_the_next_owner_goes_on_where_the_last_one_stood(store: Store) -> None:
    with store.begin() as tx:
        offsets.claim(tx, P, "g", "a", 1.0)
        offsets.advance(tx, P, "g", "a", 7, 2.0)
    with store.begin() as tx:
        assert offsets.claim(tx, P, "g", "b", 3.0) == 7


def test_offset_zero_is_not_nothing(store: Store) -> None:
    with store.begin() as tx:
        offsets.claim(tx, P, "g", "a", 1.0)
        offsets.advance(tx, P, "g", "a", 0, 2.0)
        assert offsets.lock(tx, P, "g", "a") == 0


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=6))
def test_an_offset_never_goes_back(store: Store, steps: list[int]) -> None:
    with store.begin() as tx:
        partition = Partition("cluster", str(steps), 0)
        offsets.claim(tx, partition, "g", "a", 1.0)
        for step in steps:
            offsets.advance(tx, partition, "g", "a", step, 2.0)
        assert offsets.lock(tx, partition, "g", "a") == max(steps)


def test_an_offset_belongs_to_one_topic_of_a_name(store: Store) -> None:
    old, new, unknown = (replace(P, topic_id=name) for name in ("old", "new", ""))
    with store.begin() as tx:
        offsets.claim(tx, P, "g", "a", 1.0)
        adopted = [offsets.adopt_topic(tx, item, "g") for item in (unknown, old, old, unknown, new, new, old)]
    assert adopted == [False, False, False, False, True, False, True]


@pytest.mark.parametrize(
    "other", [Partition("c2", P.topic, 3), Partition("cluster", "t2", 3), Partition("cluster", P.topic, 4)]
)
def test_partitions_are_told_apart(store: Store, other: Partition) -> None:
    with store.begin() as tx:
        for item in (P, other):
            offsets.claim(tx, item, "g", "a", 1.0)
        offsets.claim(tx, P, "g2", "a", 1.0)
        offsets.advance(tx, P, "g", "a", 7, 2.0)
        assert offsets.lock(tx, other, "g", "a") is None
        assert offsets.lock(tx, P, "g2", "a") is None


def test_a_zombie_is_fenced(store: Store) -> None:
    with store.begin() as tx:
        offsets.claim(tx, P, "g", "zombie", 1.0)
        offsets.claim(tx, P, "g", "heir", 2.0)
        with pytest.raises(FencedError, match=r"dqm\.histograms\[3\] belongs to heir now") as caught:
            offsets.lock(tx, P, "g", "zombie")
        assert caught.value.partition == P
        with pytest.raises(FencedError):
            offsets.advance(tx, P, "g", "zombie", 9, 3.0)
        assert offsets.lock(tx, P, "g", "heir") is None


def test_whoever_never_claimed_is_fenced(store: Store) -> None:
    with store.begin() as tx, pytest.raises(FencedError):
        offsets.lock(tx, P, "g", "a")


def test_a_claim_waits_for_the_transaction_of_the_owner(store: Store) -> None:
    """What the old owner has begun counts: the heir begins after it and not beside it."""
    with store.begin() as tx:
        offsets.claim(tx, P, "g", "a", 1.0)
    begun, results = threading.Event(), []

    def claim() -> None:
        begun.set()
        with store.begin() as tx:
            results.append(offsets.claim(tx, P, "g", "b", 2.0))

    heir = threading.Thread(target=claim)
    with store.begin() as tx:
        offsets.lock(tx, P, "g", "a")
        heir.start()
        begun.wait()
        heir.join(0.2)
        assert not results
        offsets.advance(tx, P, "g", "a", 7, 2.0)
    heir.join(5)
    assert results == [7]
