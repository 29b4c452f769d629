"""The page of labels: agreement, and settling what is disputed."""

import re

from opint.labels.label import Flag, Label, Labels
from opint.labels.storage import import_labels

RUN = 379415


def test_without_labels_the_page_says_how_to_import(client):
    assert "nightshift labels import FILE" in client.get("/labels").text


def test_a_dispute_is_settled_by_a_person_with_a_reason(fresh, store):
    import_labels(store, "people", Labels([Label(RUN, 1, 62, Flag.GOOD)]), "ana", 1.0)
    before = fresh.get("/labels").text
    forms = re.findall(r'name="first" value="(\d+)".*?name="last" value="(\d+)"', before)
    assert forms, "good lumisections that alarm"
    first, last = forms[0]
    form = {"csrf": fresh.cookies["nightshift_csrf"], "back": "/labels", "run": RUN, "first": first, "last": last}
    form |= {"subsystem": "", "flag": "good", "actor": "Ben", "reason": "dead tower in the plot"}
    assert fresh.post("/labels/settle/nightshift", data=form).status_code in (200, 303)
    after = fresh.get("/labels?source=people").text
    assert (first, last) not in re.findall(r'name="first" value="(\d+)".*?name="last" value="(\d+)"', after)
    assert "settled: 1 labels, 1 bad" in after


def test_what_cannot_be_settled_is_refused(fresh, store):
    import_labels(store, "people", Labels([Label(RUN, 1, 62, Flag.GOOD)]), "ana", 1.0)
    fresh.get("/labels")
    form = {"csrf": fresh.cookies["nightshift_csrf"], "back": "/labels", "run": RUN, "first": 9, "last": 3}
    form |= {"subsystem": "", "flag": "good", "actor": "Ben", "reason": "because"}
    assert fresh.post("/labels/settle/people", data=form).status_code == 422
    assert fresh.post("/labels/settle/people", data=form | {"last": 9, "reason": ""}).status_code == 422
    assert fresh.post("/labels/settle/people", data=form | {"last": 9, "flag": "fine"}).status_code == 422
    assert fresh.post("/labels/settle/people", data=form | {"last": 9, "csrf": "x"}).status_code == 403
    assert fresh.get("/labels?source=nobody").status_code == 404
