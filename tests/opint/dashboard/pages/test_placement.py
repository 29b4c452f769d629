"""The page of the placement plan, its part of the API, and what is stored of plans and decisions."""

import fastjsonschema
import pytest

from opint.placement.plan import Plan
from opint.placement.storage import store_plan
from opint.store import placement as view
from opint.store.placement import placement_decision
from opint.store.retention import sweep
from tests.support.placement import LINES, PLAN, REFUSALS, RULE, WEEK


def now_s():
    return 1_725_000_000.0


@pytest.fixture
def told(serving, store):
    store.upgrade()
    store_plan(store, "cms", PLAN, 5.0)
    return serving(store, now_s)


def decide(client, one, verdict, **words):
    token = client.get("/api/v1/session").json()["csrf_token"]
    path = f"/api/v1/placement/{one.id}/{verdict}"
    return client.post(path, json={"actor": "Ada"} | words, headers={"X-CSRF-Token": token})


def lines(client, which):
    found = client.get("/api/v1/placement/lines", params={"which": which}).json()["items"]
    return [one["dataset"].split("/")[2][0] for one in found]


def test_the_page_shows_what_is_planned_and_what_is_left_out(told):
    page = told.get("/placement").text
    for word in ("+ copy", "− delete", "3 TB", "how many are possible is not known", "&lt;b&gt;A&lt;/b&gt;"):
        assert word in page
    assert "/Sample/D-v1" not in page, "what stays where it is needs no decision"
    left_out = told.get("/placement", params={"which": "left-out"}).text
    assert "network budget" in left_out
    assert "Accept</button>" not in left_out


def test_lines_are_accepted_and_rejected_and_become_requests(told):
    assert decide(told, LINES[0], "accepted").status_code == 204
    assert decide(told, LINES[2], "accepted").status_code == 204
    assert decide(told, LINES[1], "accepted").status_code == 204
    assert decide(told, LINES[1], "rejected", reason="the group has left").status_code == 204
    assert lines(told, "accepted") == ["A", "C"]
    assert lines(told, "rejected") == ["B"]
    assert lines(told, "undecided") == []
    requests = told.get("/api/v1/placement/rules", params={"account": "dataops"}).json()
    assert [(one["method"], one["path"]) for one in requests] == [("POST", "/rules/"), ("DELETE", f"/rules/{RULE}")]
    assert requests[0]["body"]["account"] == "dataops"
    assert "the group has left" in told.get("/placement").text
    assert told.get("/api/v1/placement/rules", params={"account": "No"}).status_code == 422


def accept_rest(client, made_s, **words):
    token = client.get("/api/v1/session").json()["csrf_token"]
    told = {"actor": "Ada", "made_s": made_s} | words
    return client.post("/api/v1/placement/undecided/accepted", json=told, headers={"X-CSRF-Token": token})


def test_all_that_nobody_has_decided_is_accepted_at_once(told, store):
    store_plan(store, "atlas", PLAN, 4.0)
    decide(told, LINES[1], "rejected", reason="the group has left")
    assert "Accept all 2 undecided" in told.get("/placement").text
    answer = accept_rest(told, 5.0, reason="as every week")
    assert (answer.status_code, answer.json()) == (200, {"lines": 2})
    assert lines(told, "accepted") == ["A", "C"]
    assert lines(told, "rejected") == ["B"]
    assert "as every week" in told.get("/placement").text
    assert "Accept all" not in told.get("/placement").text
    assert accept_rest(told, 5.0).json() == {"lines": 0}
    atlas = told.get("/api/v1/placement/lines", params={"which": "undecided", "catalogue": "atlas"}).json()["items"]
    assert len(atlas) == 3


def test_a_plan_that_nobody_has_looked_at_is_not_accepted_at_once(told, store):
    store_plan(store, "cms", PLAN, 6.0)
    assert accept_rest(told, 5.0).status_code == 409
    assert accept_rest(told, 6.0, actor=" ").status_code == 422
    assert lines(told, "accepted") == []


def test_what_cannot_be_decided_is_refused(told):
    assert decide(told, LINES[1], "rejected").status_code == 422, "a reason is needed"
    assert decide(told, LINES[3], "accepted").status_code == 404
    assert decide(told, REFUSALS[0], "accepted").status_code == 404
    assert decide(told, LINES[0], "maybe").status_code == 422
    assert told.post(f"/placement/{LINES[0].id}/accepted", data={"actor": "Ada"}).status_code == 403
    assert told.get("/placement", params={"catalogue": "none"}).status_code == 404


def test_a_plan_that_is_made_again_keeps_what_was_decided(told, store):
    decide(told, LINES[0], "accepted")
    store_plan(store, "cms", Plan(WEEK, LINES[:2], (), "greedy", 9.0, 9.5), 6.0)
    store_plan(store, "atlas", PLAN, 7.0)
    with store.read() as tx:
        plans = view.newest(tx)
        cms = next(one for one in plans if one.catalogue == "cms")
        items = view.page(tx, cms, which="planned", limit=10).items
        assert [one.catalogue for one in plans] == ["atlas", "cms"]
    assert (cms.value, cms.bound) == (9.0, 9.5)
    assert [(one.dataset, one.decision) for one in items] == [
        ("/Sample/A-v1/AODSIM", "accepted"),
        ("/Sample/B-v1/AODSIM", None),
    ]


def test_old_plans_are_forgotten_and_decisions_are_not(told, store):
    decide(told, LINES[0], "accepted")
    sweep(store, 10 * 86_400.0, 1.0)
    with store.read() as tx:
        assert view.newest(tx) == []
        assert len(tx.execute(placement_decision.select()).all()) == 1
    assert "No plan is stored yet" in told.get("/placement").text
    assert told.get("/api/v1/placement/lines").status_code == 404


def test_lines_are_paged(told):
    first = told.get("/api/v1/placement/lines", params={"limit": 2}).json()
    rest = told.get("/api/v1/placement/lines", params={"limit": 2, "cursor": first["next"]}).json()
    assert [one["line"] for one in first["items"] + rest["items"]] == [one.id for one in LINES[:3]]
    assert rest["next"] is None


def test_every_answer_is_as_openapi_says(told):
    decide(told, LINES[0], "accepted")
    document = told.get("/openapi.json").json()
    for path in ("", "/lines", "/rules"):
        answer = told.get(f"/api/v1/placement{path}")
        schema = document["paths"][f"/api/v1/placement{path}"]["get"]["responses"]["200"]["content"]
        fastjsonschema.compile(schema["application/json"]["schema"] | {"components": document["components"]})(
            answer.json()
        )
