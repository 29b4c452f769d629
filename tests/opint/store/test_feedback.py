"""Operators' words on incidents, on both databases."""

import pytest
from sqlalchemy import insert

from opint.store import feedback
from opint.store.feedback import Agreement, Feedback, Verdict
from opint.store.incidents import DATA_LOST
from opint.store.tables import incident, occurrence
from streams.records import LumisectionKey

TRUE, FALSE = Verdict.TRUE, Verdict.FALSE_ALARM


def raised(tx, seed, number, **values) -> int:
    row = seed.an_incident(number, state="resolved", **values)
    number_of_incident = tx.execute(insert(incident).values(row)).inserted_primary_key[0]
    places = [{"incident_id": number_of_incident, "run": 1, "ls": 10 * number + n} for n in (1, 2)]
    tx.execute(insert(occurrence), [place | {"elements": ["a"], "p_value": None, "kind": "dead"} for place in places])
    return number_of_incident


def test_the_last_word_stands(store, seed) -> None:
    with store.begin() as tx:
        number = raised(tx, seed, 1)
        assert feedback.load(tx, number) is None
        feedback.save(tx, number, Feedback(TRUE, "ana", 1.0))
        feedback.save(tx, number, Feedback(FALSE, "ben", 2.0))
        assert feedback.load(tx, number) == Feedback(FALSE, "ben", 2.0)


def test_lumisections_by_verdict(store, seed) -> None:
    with store.begin() as tx:
        for number, verdict in ((1, TRUE), (2, FALSE), (3, None)):
            number_of_incident = raised(tx, seed, number, subsystem=f"S{number}")
            if verdict:
                feedback.save(tx, number_of_incident, Feedback(verdict, "ana", 1.0))
        results = {verdict: feedback.lumisections(tx, verdict) for verdict in Verdict}
    assert results == {
        TRUE: {(seed.DATASET, "S1", LumisectionKey(1, ls)) for ls in (11, 12)},
        FALSE: {(seed.DATASET, "S2", LumisectionKey(1, ls)) for ls in (21, 22)},
    }


@pytest.mark.parametrize(("own", "expected"), [(None, TRUE), (FALSE, FALSE)])
def test_a_merged_incident_hands_its_word_on(store, seed, own, expected) -> None:
    with store.begin() as tx:
        item, into = raised(tx, seed, 1), raised(tx, seed, 2)
        feedback.save(tx, item, Feedback(TRUE, "ana", 1.0))
        if own:
            feedback.save(tx, into, Feedback(own, "ben", 2.0))
        feedback.move(tx, item, into)
        assert feedback.load(tx, item) is None
        assert feedback.load(tx, into).verdict is expected


def test_agreement_by_model(store, seed) -> None:
    with store.begin() as tx:
        words = [("old", TRUE), ("new", TRUE), ("new", FALSE), ("new", FALSE), ("new", None)]
        for number, (version, verdict) in enumerate(words):
            number_of_incident = raised(tx, seed, number, model_version=version)
            if verdict:
                feedback.save(tx, number_of_incident, Feedback(verdict, "ana", 1.0))
        raised(tx, seed, 9, model_version="", family=DATA_LOST)
        result = feedback.agreement(tx)
    assert result == [Agreement("new", 4, 1, 2), Agreement("old", 1, 1, 0)]
    assert [item.disagreement for item in result] == [pytest.approx(2 / 3), 0.0]
    assert Agreement("silent", 3, 0, 0).disagreement is None
