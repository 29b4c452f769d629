"""States that were accepted as references, on both databases."""

from dataclasses import replace

import pytest
from sqlalchemy import insert

from dqm.core.accepted import AcceptedState
from opint.store import acceptances
from opint.store.acceptances import Acceptance
from opint.store.tables import incident, lumisection
from streams.records import LumisectionKey

RUN, BEFORE, LATER = 379_500, 379_415, 379_501


@pytest.fixture
def acceptance(store, seed):
    with store.begin() as tx:
        number = tx.execute(insert(incident).values(seed.an_incident(1))).inserted_primary_key[0]
        first = Acceptance("histograms", seed.DATASET, "Muon", "a", BEFORE, 41, BEFORE, 62, number, "ana", "why", 100.0)
        acceptances.add(tx, [first, replace(first, element="b")])
    return first


def in_force(store, acceptance, run, stream="histograms"):
    with store.read() as tx:
        return acceptances.in_force(tx, stream, acceptance.dataset, run)


def begin(store, dataset, run, first_seen_s):
    row = {"dataset": dataset, "run": run, "ls": 1, "conditions": {}, "model_version": "m", "origin": ""}
    row |= {"first_seen_s": first_seen_s, "published_s": 0.0, "updated_s": 0.0, "closed_because": "", "revision": 0}
    with store.begin() as tx:
        tx.execute(insert(lumisection).values(row))


def test_a_run_is_judged_by_what_stood_when_it_began(store, acceptance):
    state = AcceptedState(LumisectionKey(BEFORE, 41), LumisectionKey(BEFORE, 62))
    assert in_force(store, acceptance, RUN) == {"Muon": {"a": state, "b": state}}
    begin(store, acceptance.dataset, BEFORE, 50.0)
    begin(store, acceptance.dataset, RUN, 150.0)
    with store.begin() as tx:
        assert acceptances.revoke(tx, acceptance.incident_id, 200.0) == 2
    assert in_force(store, acceptance, BEFORE) == {}, "it had begun"
    assert set(in_force(store, acceptance, RUN)) == {"Muon"}, "it began while the acceptance stood"
    assert in_force(store, acceptance, LATER) == {}


def test_neither_other_streams_nor_runs_before_it_know_of_it(store, acceptance):
    assert in_force(store, acceptance, RUN, "rates") == {}
    assert in_force(store, acceptance, BEFORE - 1) == {}


def test_of_two_acceptances_the_last_one_counts(store, acceptance):
    with store.begin() as tx:
        acceptances.add(tx, [replace(acceptance, since_run=RUN, since_ls=7, until_run=RUN, until_ls=9, at_s=300.0)])
    assert in_force(store, acceptance, LATER)["Muon"]["a"].since == LumisectionKey(RUN, 7)


def test_a_merged_incident_hands_its_acceptance_on(store, seed, acceptance):
    with store.begin() as tx:
        into = tx.execute(insert(incident).values(seed.an_incident(2))).inserted_primary_key[0]
        acceptances.move(tx, acceptance.incident_id, into)
        assert acceptances.of_incident(tx, acceptance.incident_id) == []
        assert [moved.element for moved in acceptances.of_incident(tx, into)] == ["a", "b"]


def test_what_was_revoked_comes_back_unless_a_later_acceptance_holds(store, acceptance):
    with store.begin() as tx:
        acceptances.revoke(tx, acceptance.incident_id, 200.0)
    with store.read() as tx:
        assert acceptances.revoked_after(tx, "histograms", acceptance.dataset, 150.0) == {"a": 100.0, "b": 100.0}
        assert acceptances.revoked_after(tx, "histograms", acceptance.dataset, 250.0) == {}, "it came back already"
        assert acceptances.revoked_after(tx, "histograms", acceptance.dataset, 50.0) == {}, "it never held"
    with store.begin() as tx:
        acceptances.add(tx, [replace(acceptance, at_s=140.0)])
    with store.read() as tx:
        assert acceptances.revoked_after(tx, "histograms", acceptance.dataset, 150.0) == {"b": 100.0}
