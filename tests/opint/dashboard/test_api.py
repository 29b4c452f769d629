"""The JSON API: what it answers is what the store holds and what /openapi.json says."""

import fastjsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opint.store import incident_pages
from opint.store.engine import Store
from opint.store.run_map import RunMap


def _walk(client, path, **query):
    items, cursor = [], None
    while True:
        answer = client.get(path, params=query | ({"cursor": cursor} if cursor else {})).json()
        items += answer["items"]
        cursor = answer["next"]
        if cursor is None:
            return items


def test_incidents_come_newest_first(client):
    answer = client.get("/api/v1/incidents").json()
    assert [item["id"] for item in answer["items"]] == [3, 2, 1]
    assert answer["next"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "open"}, [3]),
        ({"state": ["open", "acknowledged"]}, [3, 2]),
        ({"subsystem": "Calo"}, [2]),
        ({"run": 379412}, [1]),
        ({"run": 379415, "state": "resolved"}, []),
        ({"run": 1}, []),
    ],
)
def test_filters(client, query, expected):
    assert [item["id"] for item in client.get("/api/v1/incidents", params=query).json()["items"]] == expected


@given(number=st.integers(0, 12), limit=st.integers(1, 6))
@settings(max_examples=12)
def test_pages_neither_repeat_nor_skip_while_incidents_come_in(seed, tmp_path_factory, number, limit):
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('paging')}/nightshift.db")
    store.upgrade()
    with store.begin() as tx:
        numbers = [seed.raise_incident(tx, index, last_ls=41) for index in range(number)]
    read, before = [], None
    while True:
        with store.begin() as tx:
            page = incident_pages.page(tx, limit=limit, before=before)
            assert len(page.items) <= limit
            read += [item.id for item in page.items]
            seed.raise_incident(tx, 1000 + len(read), last_ls=41)
        if page.next is None:
            break
        before = int(page.next)
    store.close()
    assert read == numbers[::-1]


def test_cursors_lead_through_all_lists(client):
    for path in ("/api/v1/incidents", "/api/v1/deadletters", "/api/v1/runs"):
        assert _walk(client, path, limit=1) == client.get(path).json()["items"]


def test_an_incident_has_occurrences_audit_and_evidence(client, seed):
    answer = client.get("/api/v1/incidents/3").json()
    assert [item["ls"] for item in answer["occurrences"]] == list(range(62, 40, -1))
    assert [item["action"] for item in answer["audit"]] == ["opened"]
    assert {item["me"] for item in answer["evidence"]} == {seed.TIMING, seed.HOSTILE}
    first = answer["evidence"][0]
    where = {"dataset": seed.DATASET, "subsystem": "Muon", "run": first["run"], "ls": first["ls"], "me": first["me"]}
    shown = client.get("/api/v1/evidence", params=where).json()
    assert len(shown["counts"]) == len(shown["reference"]) == len(shown["pulls"]) == 100
    assert shown["reason"] == "DEVIATES"


def test_the_map_is_what_was_judged(client):
    answer = client.get("/api/v1/runs/379415/map", params={"subsystem": "Calo"})
    report = RunMap.model_validate(answer.json())
    assert report.lumisections == list(range(1, 63))
    row = report.elements.index("Calo/EB+03/occupancy")
    bad = [ls for ls, quality in zip(report.lumisections, report.qualities[row], strict=True) if quality == "3"]
    assert bad == list(range(22, 46))
    assert {report.reason_names[reason] for reason in report.reasons[row]} == {"CONSISTENT", "DEVIATES"}
    assert report.p_values[row][21] == pytest.approx(1e-6)


def test_the_map_writes_null_where_nothing_was_inspected(client):
    answer = client.get("/api/v1/runs/379415/map", params={"subsystem": "Strips"}).json()
    assert [row[0] for row in answer["p_values"]] == [None] * 6
    assert [row[0] for row in answer["qualities"]] == ["0"] * 6


def test_the_map_is_one_query_on_the_scores(store, seed):
    from sqlalchemy import event

    from opint.store import run_map

    requested_rows = []
    with store.read() as tx:
        event.listen(tx, "before_cursor_execute", lambda *call: requested_rows.append(call[2]))
        run_map.run_map(tx, seed.DATASET, 379415, "Muon")
    assert sum("FROM ls_score" in statement for statement in requested_rows) == 1


def test_runs_count_lumisections_by_their_worst_subsystem(client):
    newest = client.get("/api/v1/runs").json()["items"][0]
    assert (newest["run"], newest["lumisections"], newest["last_ls"]) == (379415, 62, 62)
    assert newest["bad"] == 41
    assert newest["bad"] + newest["warning"] + newest["good"] + newest["not_inspected"] == 62


def test_latest_lumisections(client):
    items = client.get("/api/v1/lumisections/latest", params={"limit": 3}).json()["items"]
    assert [item["ls"] for item in items] == [62, 61, 60]


@pytest.mark.parametrize(
    "path", ["/incidents/99", "/runs/99", "/runs/99/map?subsystem=Muon", "/nothing", "/runs/379415?dataset=/none"]
)
def test_unknown_things_are_404_in_json(client, path):
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "cursor=x", "cursor=-1", "state=odd", "run=-1"])
def test_bad_queries_are_422(client, query):
    assert client.get(f"/api/v1/incidents?{query}").status_code == 422


ELSEWHERE = (
    "/api/v1/triggers/",
    "/api/v1/hotline",
    "/api/v1/popularity",
    "/api/v1/placement",
    "/api/v1/caches",
    "/caches/",
    "/api/v1/workflows",
    "/api/v2/silence/",
)
"""Answers that the tests of those pages check."""

EXAMPLES = {"incident_id": 3, "run": 379415}
QUERIES = {"/api/v1/runs/{run}/map": {"subsystem": "Muon"}, "/api/v1/good-runs": {"run": 379415}}


def test_every_answer_is_as_openapi_says(client, seed):
    document = client.get("/openapi.json").json()
    first = client.get("/api/v1/incidents/3").json()["evidence"][0]
    evidence = {"dataset": seed.DATASET, "subsystem": "Muon"} | {key: first[key] for key in ("run", "ls", "me")}
    checked = 0
    for path, methods in document["paths"].items():
        if "get" not in methods or path == "/metrics" or path.startswith(ELSEWHERE):
            continue
        query = evidence if path.endswith("/evidence") else QUERIES.get(path, {})
        answer = client.get(path.format(**EXAMPLES), params=query)
        assert answer.status_code == 200, path
        schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        fastjsonschema.compile(schema | {"components": document["components"]})(answer.json())
        checked += 1
    assert checked == 23


def test_openapi_names_every_route_and_no_other(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/healthz", "/readyz", "/metrics", "/api/v1/incidents/{incident_id}/{action}"} <= paths.keys()
    assert client.get("/docs").status_code == 404
