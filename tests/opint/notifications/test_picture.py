"""The picture of an incident, for messages."""

import pytest

from opint.notifications.picture import draw, incident_picture
from opint.store import evidence, incident_pages

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("number", [2, 3], ids=["map", "curve"])
def test_an_incident_with_evidence_has_a_picture(seeded_store, number):
    picture = incident_picture(seeded_store, number)
    assert picture.startswith(PNG)
    assert len(picture) > 5000


def test_one_without_evidence_has_none(seeded_store):
    assert incident_picture(seeded_store, 999) is None


def test_names_and_numbers_from_outside_are_drawn_as_they_are(seeded_store):
    with seeded_store.read() as tx:
        detail = incident_pages.detail(tx, 3)
        key = detail.evidence[0]
        shown = evidence.evidence_view(tx, detail.dataset, detail.subsystem, key.run, key.ls, key.me)
    odd = shown.model_copy(
        update={
            "me": "Muon/$x_{$ \u202e\\frac",
            "counts": [None, *shown.counts[1:]],
            "reference": [None] * len(shown.reference),
            "pulls": [],
        }
    )
    assert draw(odd).startswith(PNG)
    assert draw(shown.model_copy(update={"counts": []})) is None
