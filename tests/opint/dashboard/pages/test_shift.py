"""The page of a shift against the audit trail, and its exports."""

import re

import pytest
from sqlalchemy import select

from opint.store.tables import audit
from opint.wording import iso
from tests.support.incidents import end_incident, open_incident

SHIFT_S = 8 * 3600.0


@pytest.fixture
def moment(seed):
    """A moment of the shift in which the seeded incidents were handled."""
    return iso(seed.now_s())


def test_the_report_is_the_audit_trail_item_by_item(client, store, moment):
    report = client.get("/api/v1/shift", params={"at": moment}).json()
    shift = report["shift"]
    row = audit.c
    query = select(row.at_s, row.actor, row.action, row.detail, row.incident_id)
    within = query.where(row.at_s >= shift["begin_s"], row.at_s < shift["end_s"]).order_by(row.at_s, row.id)
    with store.read() as tx:
        trail = [dict(entry) for entry in tx.execute(within).mappings()]
    assert trail
    assert report["actions"] == trail
    touched = {incident["id"] for cause in report["causes"] for incident in cause["incidents"]}
    assert touched == {entry["incident_id"] for entry in trail}
    page = client.get("/shift", params={"at": moment}).text
    table = page.split("What was done")[1].split("</section>")[0]
    assert len(re.findall(r"<tr><td", table)) == len(trail)
    markdown = client.get("/shift/report.md", params={"at": moment})
    assert markdown.headers["content-type"].startswith("text/markdown")
    done = markdown.text.split("## What was done")[1].split("##")[0]
    assert done.count("\n* ") == len(trail)


def test_what_follows_from_an_incident_stands_below_it(fresh, store, seed, moment):
    with store.begin() as tx:
        place = {"dataset": seed.DATASET, "subsystem": "Muon"}
        before = open_incident(tx, "before", at_s=seed.now_s() - 2000, **place)
        cause = open_incident(tx, "cause", at_s=seed.now_s() - 900, family="status", element_group="", **place)
        child = open_incident(tx, "child", at_s=seed.now_s() - 800, **place)
        end_incident(tx, cause, at_s=seed.now_s() - 700)
        after = open_incident(tx, "after", at_s=seed.now_s() - 600, **place)
    groups = {
        cause["name"]: [incident["id"] for incident in cause["incidents"]]
        for cause in fresh.get("/api/v1/shift", params={"at": moment}).json()["causes"]
    }
    assert groups[f"incident {cause}: Muon/Sectorcause: dead channels"] == [cause, child]
    assert {before, after} <= set(groups["content unlike that of good lumisections"])
    assert f"## Incidents: incident {cause}: Muon" in fresh.get("/shift/report.md", params={"at": moment}).text


def test_open_points_are_what_was_not_resolved_by_then(client, moment):
    report = client.get("/api/v1/shift", params={"at": moment}).json()
    unresolved = client.get("/api/v1/incidents", params={"state": ["open", "acknowledged"], "limit": 500}).json()[
        "items"
    ]
    assert {incident["id"] for incident in report["open_points"]} == {incident["id"] for incident in unresolved}
    before = client.get("/api/v1/shift", params={"at": "2001-01-01T00:00:00"}).json()
    assert (before["open_points"], before["actions"], before["runs"]) == ([], [], [])


def test_a_note_is_kept_and_can_do_no_harm(fresh, moment):
    token = re.search(r'name="csrf" value="([\w-]+)"', fresh.get("/shift").text)[1]
    text = "**High voltage** off, [log](https://log.example.org) <script>alert(1)</script> [x](javascript:alert(1))"
    form = {"csrf": token, "actor": "Ada", "text": text, "back": "/shift"}
    assert fresh.post("/shift/notes", data=form).status_code == 303
    page = fresh.get("/shift").text
    assert "<strong>High voltage</strong>" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "High voltage" in fresh.get("/shift/report.md").text
    printed = fresh.get("/shift/report.html")
    assert "attachment" in printed.headers["content-disposition"]
    assert "<strong>High voltage</strong>" in printed.text
    assert fresh.post("/shift/notes", data=form | {"text": " "}).status_code == 422


def test_moments_that_are_none_are_refused(client):
    for wrong in ("yesterday", "1969-01-01", "99999-01-01", "2026-13-01"):
        assert client.get("/api/v1/shift", params={"at": wrong}).status_code == 422
        assert client.get("/shift", params={"at": wrong}).status_code == 422
