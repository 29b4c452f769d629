"""The pages of failing workflows, their part of the API, and what operators decide there."""

import json
from dataclasses import replace

import fastjsonschema
import pytest

from opint.actions.action import RecoveryAction, Suggestion
from opint.store import workflow_pages
from opint.store.workflow_pages import TaskFilter
from streams.codecs.workflows import WorkflowLimits
from streams.codecs.workflows.json import decode
from streams.workflows import ErrorCount, ErrorMessage, WorkflowFacts
from tests.opint.actions.reports import OPEN_FILE, OftenAcdc, failing
from tests.opint.actions.seed_workflows import seed_workflows

NOW_S = 100_000.0
ELSEWHERE = (ErrorCount(50660, "T2_US_MIT", 40, None),)


class Reluctant(OftenAcdc):
    """Refuses to suggest anything."""

    def suggest(self, snapshots):
        return [
            Suggestion(each.digest, RecoveryAction("special"), {}, {}, refusal="no action is likely to help")
            for each in snapshots
        ]


@pytest.fixture
def numbers(empty_store):
    """Tasks 1 and 2 fail alike, 3 elsewhere and soon, 4 is without a suggestion, 5 was reported long ago."""
    soon = WorkflowFacts("Run3Summer23", deadline=NOW_S + 3600.0, lost_wall_time=1.0)
    tasks = [failing(1, NOW_S), failing(2, NOW_S), failing(3, NOW_S, errors=ELSEWHERE, facts=soon, messages=())]
    with empty_store.begin() as tx:
        numbers = seed_workflows(tx, tasks)
        numbers += seed_workflows(tx, [failing(4, NOW_S, task="<b>four</b>")], Reluctant())
        return numbers + seed_workflows(tx, [failing(5, 5.0)])


@pytest.fixture
def client(serving, empty_store, numbers):
    return serving(empty_store, lambda: NOW_S)


def post(client, path, **fields):
    token = client.get("/api/v1/session").json()["csrf_token"]
    body = {"actor": "Ada"} | fields
    return client.post(f"/api/v1/workflows/{path}", json=body, headers={"X-CSRF-Token": token})


def view(client, number):
    return client.get(f"/api/v1/workflows/{number}").json()


def decide(client, number, verdict, **fields):
    snapshot = view(client, number)["task"]["snapshot_id"]
    return post(client, f"{number}/{snapshot}/{verdict}", **fields)


def listed(client, **query):
    items = client.get("/api/v1/workflows", params=query).json()["items"]
    return [item["task"].strip("/").partition("/")[0][-1] for item in items]


def test_tasks_come_by_deadline_and_cost(client):
    assert listed(client) == ["3", "<", "2", "1"]
    assert listed(client, which="unreported") == ["5"]
    page = client.get("/workflows").text
    assert "&lt;b&gt;four&lt;/b&gt;" in page
    assert "<b>four" not in page
    assert page.count(">Accept</button>") == 3


@pytest.mark.parametrize(
    ("query", "tasks"),
    [
        ({"code": "50660"}, ["3", "<", "2", "1"]),
        ({"code": "8021"}, ["<", "2", "1"]),
        ({"code": "8021", "site": "T2_US_MIT"}, []),
        ({"site": "T2_US_MIT"}, ["3", "<", "2", "1"]),
        ({"campaign": "Run3Summer23"}, ["3"]),
        ({"workflow": "flow_2/"}, ["2"]),
        ({"workflow": "%"}, []),
        ({"suggested": "acdc"}, ["3", "2", "1"]),
        ({"class": "1"}, ["<", "2", "1"]),
        ({"class": "7"}, []),
        ({"which": "decided"}, []),
    ],
)
def test_filters(client, query, tasks):
    assert listed(client, **query) == tasks
    assert client.get("/workflows", params=query).status_code == 200


@pytest.mark.parametrize("query", [{"code": "many"}, {"which": "all"}, {"class": "-1"}, {"cursor": "x"}])
def test_filters_that_mean_nothing_are_refused_by_name(client, query):
    answer = client.get("/api/v1/workflows", params=query)
    assert answer.status_code == 422
    assert next(iter(query)) in answer.json()["detail"]


def test_lists_are_paged(client):
    first = client.get("/api/v1/workflows", params={"limit": 3}).json()
    second = client.get("/api/v1/workflows", params={"limit": 3, "cursor": first["next"]}).json()
    assert (len(first["items"]), len(second["items"]), second["next"]) == (3, 1, None)


def test_tasks_that_fail_alike_are_one_bundle(client):
    bundles = client.get("/api/v1/workflows/bundles").json()
    assert [(each["code"], each["site"], each["tasks"]) for each in bundles] == [
        (50660, "T2_US_MIT", 1),
        (8021, "T2_IT_Rome", 3),
    ]
    assert bundles[1]["template"].startswith("Fatal exception: failed to open file")
    assert bundles[1]["lost_wall_s"] == 7 * 3600.0


def test_a_suggestion_is_accepted_changed_or_rejected(client, numbers):
    first, second, third, _, _ = numbers
    assert decide(client, first, "accepted").status_code == 204
    other = {"action": "clone", "memory": "10-16k", "excluded_sites": ["T2_US_MIT"], "cores": 8}
    assert decide(client, second, "changed", action=other, reason="known leak").status_code == 204
    assert decide(client, third, "rejected", reason="on hold").status_code == 204
    decisions = [view(client, number)["decisions"][0] for number in (first, second, third)]
    assert [entry["decision"] for entry in decisions] == ["accepted", "changed", "rejected"]
    assert decisions[0]["action"]["action"] == "acdc"
    assert decisions[1]["action"] == {"splitting": "default", "xrootd": "default"} | other
    assert (decisions[2]["action"], decisions[2]["actor"], decisions[2]["reason"]) == (None, "Ada", "on hold")
    assert listed(client) == ["<"]
    assert listed(client, which="decided") == ["3", "2", "1"]
    assert "known leak" in client.get(f"/workflows/{second}").text


def test_who_chooses_what_was_suggested_has_accepted_it(client, numbers):
    assert decide(client, numbers[0], "changed", action={"action": "acdc"}).status_code == 204
    assert view(client, numbers[0])["task"]["decision"] == "accepted"


def test_accepted_actions_are_handed_out_as_decided_cases_that_can_be_read(client, numbers):
    decide(client, numbers[0], "accepted")
    decide(client, numbers[1], "changed", action={"action": "special", "cores": 4})
    decide(client, numbers[2], "rejected", reason="on hold")
    answer = client.get("/api/v1/workflows/accepted")
    assert "attachment" in answer.headers["content-disposition"]
    tasks = answer.json()
    assert tasks[failing(1).task]["errors"] == {
        "good_sites": {"8021": {"T2_IT_Rome": 11}},
        "bad_sites": {"50660": {"T2_US_MIT": 2}},
    }
    assert tasks[failing(1).task]["parameters"]["action"] == "acdc"
    assert tasks[failing(2).task]["parameters"]["cores"] == 4
    assert len(tasks) == 2
    report = decode(json.dumps(tasks).encode(), WorkflowLimits(1 << 20, 9, 9, 9), 0.0)
    assert {snapshot.digest for snapshot in report.snapshots} == {failing(1, NOW_S).digest, failing(2, NOW_S).digest}
    assert client.get("/api/v1/workflows/accepted", params={"since_s": NOW_S + 1}).json() == {}


def test_one_decision_serves_a_bundle(client, numbers, empty_store):
    bundle = client.get("/api/v1/workflows/bundles").json()[1]
    looked_at = {name: bundle[name] for name in ("bundle", "last_snapshot_id")}
    with empty_store.begin() as tx:
        later = replace(failing(2, NOW_S), errors=(ErrorCount(8021, "T2_IT_Rome", 99, True),))
        seed_workflows(tx, [later])
    assert "All 3 undecided" in client.get("/workflows", params={"bundle": bundle["bundle"]}).text
    # Task 2 has changed since, task 4 is without a suggestion.
    assert post(client, "bundle/accepted", **looked_at).json() == {"tasks": 1}
    assert post(client, "bundle/changed", **looked_at, action={"action": "clone"}).json() == {"tasks": 1}
    assert [view(client, number)["task"]["decision"] for number in numbers[:4]] == ["accepted", "", "", "changed"]
    assert (
        post(client, "bundle/rejected", **looked_at | {"last_snapshot_id": 99}, reason="site is down").json()["tasks"]
        == 1
    )
    assert view(client, numbers[1])["decisions"][0]["bundle"] == bundle["bundle"]


def test_an_outcome_is_that_of_the_newest_decision(client, numbers):
    decide(client, numbers[0], "accepted")
    decide(client, numbers[0], "changed", action={"action": "clone"})
    assert post(client, f"{numbers[0]}/ended/failed", reason="again").status_code == 204
    assert post(client, f"{numbers[0]}/ended/succeeded", reason="it was another").status_code == 204
    shown = view(client, numbers[0])
    assert shown["task"]["outcome"] == "succeeded"
    assert [entry["succeeded"] for entry in shown["decisions"]] == [True, None]
    assert listed(client, which="ended") == ["1"]


def test_what_cannot_be_decided_is_refused(client, numbers, empty_store):
    first, _, _, fourth, _ = numbers
    stale = view(client, first)["task"]["snapshot_id"]
    assert decide(client, first, "rejected").status_code == 422, "a reason is needed"
    assert decide(client, first, "accepted", actor=" ").status_code == 422
    assert decide(client, first, "changed").status_code == 422, "an action is needed"
    assert decide(client, fourth, "accepted").status_code == 409, "nothing is suggested"
    assert decide(client, first, "maybe").status_code == 422
    for action, word in [
        ({"action": "pray"}, "action is 'pray'"),
        ({"action": "acdc", "memory": "1TB"}, "memory is '1TB'"),
        ({"action": "acdc", "cores": 0}, "cores is 0"),
        ({"action": "acdc", "excluded_sites": ["a\nb"]}, "excluded_sites"),
        ({"action": "acdc", "excluded_sites": [f"s{n}" for n in range(201)]}, "excluded_sites has 201"),
    ]:
        answer = decide(client, first, "changed", action=action)
        assert (answer.status_code, word in answer.json()["detail"]) == (422, True), answer.text
    with empty_store.begin() as tx:
        seed_workflows(tx, [failing(1, NOW_S, errors=ELSEWHERE)])
    assert post(client, f"{first}/{stale}/accepted").status_code == 409, "it has changed"
    for path in ("999/1/accepted", "999/ended/failed"):
        assert post(client, path).status_code == 404
    assert client.get("/workflows/999").status_code == 404
    assert client.get(f"/workflows/{first}?snapshot=99").status_code == 404
    assert client.post(f"/workflows/{first}/{stale}/accepted", data={"actor": "Ada"}).status_code == 403


def test_forms_of_the_pages_do_the_same(client, numbers):
    page = client.get(f"/workflows/{numbers[0]}").text
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    snapshot = view(client, numbers[0])["task"]["snapshot_id"]
    form = {"csrf": token, "actor": "Ada", "back": "/workflows", "action": "clone", "memory": "2-9k", "cores": ""}
    form |= {"excluded_sites": "T2_IT_Rome, T2_US_MIT"}
    assert client.post(f"/workflows/{numbers[0]}/{snapshot}/changed", data=form).status_code == 303
    action = view(client, numbers[0])["decisions"][0]["action"]
    assert (action["memory"], action["excluded_sites"]) == ("2-9k", ["T2_IT_Rome", "T2_US_MIT"])
    assert client.post(f"/workflows/{numbers[0]}/ended/succeeded", data=form).status_code == 303
    for cores in ("many", "-1", "99999"):
        answer = client.post(f"/workflows/{numbers[1]}/1/changed", data=form | {"cores": cores})
        assert (answer.status_code, "cores is" in answer.text) == (422, True)
    bundle = client.get("/api/v1/workflows/bundles").json()[0]
    of = {"bundle": bundle["bundle"], "last_snapshot_id": str(bundle["last_snapshot_id"])}
    assert client.post("/workflows/bundle/accepted", data=form | of).status_code == 303
    assert client.post("/workflows/bundle/accepted", data=form).status_code == 422


def test_the_page_of_a_task_tells_good_sites_from_bad_ones_and_keeps_its_history(client, numbers, empty_store):
    before = view(client, numbers[0])["task"]["snapshot_id"]
    with empty_store.begin() as tx:
        logs = (ErrorMessage("<script>alert(1)</script>", 50660),)
        seed_workflows(tx, [failing(1, NOW_S, errors=ELSEWHERE, messages=logs)])
    now, past = (client.get(f"/workflows/{numbers[0]}", params=query).text for query in ({}, {"snapshot": before}))
    assert "Good sites" in past
    assert "Bad sites" in past
    assert OPEN_FILE.format(n=1) in past
    assert "Good sites" not in now
    assert "2 snapshots" in now
    assert "<script>alert" not in now
    assert "acdc 90 % · clone 8 % · special 2 %" in now


def test_a_refusal_says_why(client, numbers):
    page = client.get(f"/workflows/{numbers[3]}").text
    assert "no action is likely to help" in page
    assert ">Accept</button>" not in page


def test_the_scoreboard_compares_what_was_shown_with_rules_and_the_commonest_action(client, numbers):
    decide(client, numbers[0], "accepted")
    decide(client, numbers[1], "changed", action={"action": "clone"})
    decide(client, numbers[2], "rejected", reason="on hold")
    (score,) = client.get("/api/v1/workflows/scoreboard").json()
    assert (score["predictor"], score["decisions"], score["rejected"]) == ("model", 2, 1)
    assert (score["accuracy"], score["macro_recall"], score["coverage"]) == (0.5, 0.5, 1.0)
    assert score["calibration_error"] == pytest.approx(0.4)
    (memory,) = client.get("/api/v1/workflows/scoreboard", params={"target": "memory"}).json()
    assert (memory["decisions"], memory["accuracy"], memory["macro_recall"]) == (2, 1.0, 1.0)
    assert client.get("/api/v1/workflows/scoreboard", params={"target": "splitting"}).json() == []
    assert client.get("/workflows/scoreboard", params={"target": "moon"}).status_code == 422
    for target in ("action", "memory"):
        page = client.get("/workflows/scoreboard", params={"target": target}).text
        assert "what was shown" in page
        assert f"decisions about {target} alone" in page


def test_messages_are_listed_by_class_and_by_day(client):
    (message_class,) = client.get("/api/v1/workflows/messages").json()
    assert (message_class["number"], message_class["messages"]) == (1, 4)
    page = client.get("/workflows/messages", params={"class": 1}).text
    assert "1970-01-02" in page
    assert "T2_IT_Rome" in page


def test_before_the_first_report_the_page_says_how_to_begin(serving, empty_store):
    fresh = serving(empty_store, lambda: NOW_S)
    for path, word in (("", "actions.watch"), ("/scoreboard", "Nobody has decided"), ("/messages", "No error message")):
        assert word in fresh.get(f"/workflows{path}").text


def test_every_answer_is_as_openapi_says(client, numbers):
    decide(client, numbers[0], "accepted")
    document = client.get("/openapi.json").json()
    for path in ("", "/bundles", "/messages", "/scoreboard", "/accepted", "/{task_id}"):
        answer = client.get(f"/api/v1/workflows{path}".format(task_id=numbers[0]))
        schema = document["paths"][f"/api/v1/workflows{path}"]["get"]["responses"]["200"]["content"]
        fastjsonschema.compile(schema["application/json"]["schema"] | {"components": document["components"]})(
            answer.json()
        )


def test_bundles_of_a_filter_are_those_of_its_tasks(empty_store, numbers):
    with empty_store.read() as tx:
        open_tasks = workflow_pages.page(tx, TaskFilter("open"), NOW_S, 3600.0, limit=99).items
        bundles = workflow_pages.bundles(tx, TaskFilter("open"), NOW_S, 3600.0, 99)
    assert {view.bundle for view in open_tasks} == {view.bundle for view in bundles}
    assert sum(view.failed_jobs for view in open_tasks) == sum(view.failed_jobs for view in bundles)
