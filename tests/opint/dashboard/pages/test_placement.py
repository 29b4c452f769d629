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
def client(serving, store):
    store_plan(store, "cms", PLAN, 5.0)
    return serving(store, now_s)


def decide(client, item, verdict, **words):
    token = client.get("/api/v1/session").json()["csrf_token"]
    path = f"/api/v1/placement/{item.id}/{verdict}"
    return client.post(path, json={"actor": "Ada"} | words, headers={"X-CSRF-Token": token})


def lines(client, which):
    result = client.get("/api/v1/placement/lines", params={"which": which}).json()["items"]
    return [item["dataset"].split("/")[2][0] for item in result]


def test_the_page_shows_what_is_planned_and_what_is_left_out(client):
    page = client.get("/placement").text
    for word in ("+ copy", "− delete", "3 TB", "how many are possible is not known", "&lt;b&gt;A&lt;/b&gt;"):
        assert word in page
    assert "/Sample/D-v1" not in page, "what stays where it is needs no decision"
    left_out = client.get("/placement", params={"which": "left-out"}).text
    assert "network budget" in left_out
    assert "Accept</button>" not in left_out


def test_lines_are_accepted_and_rejected_and_become_requests(client):
    assert decide(client, LINES[0], "accepted").status_code == 204
    assert decide(client, LINES[2], "accepted").status_code == 204
    assert decide(client, LINES[1], "accepted").status_code == 204
    assert decide(client, LINES[1], "rejected", reason="the group has left").status_code == 204
    assert lines(client, "accepted") == ["A", "C"]
    assert lines(client, "rejected") == ["B"]
    assert lines(client, "undecided") == []
    requests = client.get("/api/v1/placement/rules", params={"account": "dataops"}).json()
    assert [(request["method"], request["path"]) for request in requests] == [
        ("POST", "/rules/"),
        ("DELETE", f"/rules/{RULE}"),
    ]
    assert requests[0]["body"]["account"] == "dataops"
    assert "the group has left" in client.get("/placement").text
    assert client.get("/api/v1/placement/rules", params={"account": "No"}).status_code == 422


def accept_rest(client, made_s, **words):
    token = client.get("/api/v1/session").json()["csrf_token"]
    report = {"actor": "Ada", "made_s": made_s} | words
    return client.post("/api/v1/placement/undecided/accepted", json=report, headers={"X-CSRF-Token": token})


def test_all_that_nobody_has_decided_is_accepted_at_once(client, store):
    store_plan(store, "atlas", PLAN, 4.0)
    decide(client, LINES[1], "rejected", reason="the group has left")
    assert "Accept all 2 undecided" in client.get("/placement").text
    answer = accept_rest(client, 5.0, reason="as every week")
    assert (answer.status_code, answer.json()) == (200, {"lines": 2})
    assert lines(client, "accepted") == ["A", "C"]
    assert lines(client, "rejected") == ["B"]
    assert "as every week" in client.get("/placement").text
    assert "Accept all" not in client.get("/placement").text
    assert accept_rest(client, 5.0).json() == {"lines": 0}
    atlas = client.get("/api/v1/placement/lines", params={"which": "undecided", "catalogue": "atlas"}).json()["items"]
    assert len(atlas) == 3


def test_a_plan_that_nobody_has_looked_at_is_not_accepted_at_once(client, store):
    store_plan(store, "cms", PLAN, 6.0)
    assert accept_rest(client, 5.0).status_code == 409
    assert accept_rest(client, 6.0, actor=" ").status_code == 422
    assert lines(client, "accepted") == []


def test_what_cannot_be_decided_is_refused(client):
    assert decide(client, LINES[1], "rejected").status_code == 422, "a reason is needed"
    assert decide(client, LINES[3], "accepted").status_code == 404
    assert decide(client, REFUSALS[0], "accepted").status_code == 404
    assert decide(client, LINES[0], "maybe").status_code == 422
    assert client.post(f"/placement/{LINES[0].id}/accepted", data={"actor": "Ada"}).status_code == 403
    assert client.get("/placement", params={"catalogue": "none"}).status_code == 404


def test_a_plan_that_is_made_again_keeps_what_was_decided(client, store):
    decide(client, LINES[0], "accepted")
    store_plan(store, "cms", Plan(WEEK, LINES[:2], (), "greedy", 9.0, 9.5), 6.0)
    store_plan(store, "atlas", PLAN, 7.0)
    with store.read() as tx:
        plans = view.newest(tx)
        cms = next(plan for plan in plans if plan.catalogue == "cms")
        items = view.page(tx, cms, which="planned", limit=10).items
        assert [plan.catalogue for plan in plans] == ["atlas", "cms"]
    assert (cms.value, cms.bound) == (9.0, 9.5)
    assert [(item.dataset, item.decision) for item in items] == [
        ("/Sample/A-v1/AODSIM", "accepted"),
        ("/Sample/B-v1/AODSIM", None),
    ]


def test_old_plans_are_forgotten_and_decisions_are_not(client, store):
    decide(client, LINES[0], "accepted")
    sweep(store, 10 * 86_400.0, 1.0)
    with store.read() as tx:
        assert view.newest(tx) == []
        assert len(tx.execute(placement_decision.select()).all()) == 1
    assert "No plan is stored yet" in client.get("/placement").text
    assert client.get("/api/v1/placement/lines").status_code == 404


def test_lines_are_paged(client):
    first = client.get("/api/v1/placement/lines", params={"limit": 2}).json()
    second = client.get("/api/v1/placement/lines", params={"limit": 2, "cursor": first["next"]}).json()
    assert [item["line"] for item in first["items"] + second["items"]] == [line.id for line in LINES[:3]]
    assert second["next"] is None


def test_every_answer_is_as_openapi_says(client):
    decide(client, LINES[0], "accepted")
    document = client.get("/openapi.json").json()
    for path in ("", "/lines", "/rules"):
        answer = client.get(f"/api/v1/placement{path}")
        schema = document["paths"][f"/api/v1/placement{path}"]["get"]["responses"]["200"]["content"]
        fastjsonschema.compile(schema["application/json"]["schema"] | {"components": document["components"]})(
            answer.json()
        )
