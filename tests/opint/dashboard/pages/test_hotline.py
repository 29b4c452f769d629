"""The pages of the hotline and their part of the API, over HTTP."""

import re

import fastjsonschema
import pytest

from opint.hotline.summary import MOST_BARS, FeatureRange, bars, recent_rate
from opint.incidents import operational
from opint.incidents.families import IncidentKey
from opint.incidents.operational import OperationalFault
from opint.store.hotline import Hour
from tests.opint.dashboard import seed_hotline

MEASURED = "/SingleLepton/Run2024I-v1/RAW"


@pytest.fixture
def client(serving, store):
    seed_hotline.fill(store)
    return serving(store, seed_hotline.now_s)


def token(client):
    return client.get("/api/v1/session").json()["csrf_token"]


def test_the_page_says_how_rare_an_event_is_and_what_is_unusual(client):
    page = client.get("/hotline").text
    assert "These events are simulated under real conditions, not measured." in page
    assert "once in" in page
    assert " GeV" in page
    assert "_gev" not in page
    assert "usually 0 GeV" not in page


def test_the_page_says_how_the_rate_is_held_and_by_whom(client):
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get("/hotline").text))
    assert "Declared 3 an hour of data taking" in page
    assert re.search(r"Kept of late \d+ events as declared : 30 in 10.0 h of data taking, by chance 19 to 41", page)
    # What would be kept of 10 events a second: 3 of 36,000 an hour.
    assert "Level now one in 12 k of the events of calibration" in page
    assert "Model hotline ffffffffffff judged last 1 h ago" in page
    assert "Watched by ✓ running cr01:4711:events, heard 3 s ago" in page


def test_datasets_are_told_apart(client, store):
    seed_hotline.one_more(store, 60, seed_hotline.now_s(), MEASURED)
    listed = client.get("/api/v1/hotline", params={"dataset": MEASURED}).json()["items"]
    assert [item["dataset"] for item in listed] == [MEASURED]
    assert "Some of these events are simulated" in client.get("/hotline").text
    alone = client.get("/hotline", params={"dataset": MEASURED}).text
    assert "simulated under" not in alone
    assert "event 7000060" in alone
    assert "nothing was judged yet" in alone
    assert "No kept event fits" in client.get("/hotline", params={"dataset": "/None/X-v1/RAW"}).text


def test_an_event_has_its_conditions_and_all_features_beside_what_is_usual(client):
    event = client.get("/api/v1/hotline/3").json()["event"]
    page = client.get("/hotline/3").text
    assert set(event["usual"]) == set(event["features"])
    assert page.count("usually ") == len(event["features"])
    assert "fill 10144, Run2024I" in page
    assert "95 % of the luminosity recorded" in page
    assert "This event is simulated under real conditions, not measured." in page


def test_the_incident_of_a_rate_leads_to_the_page(client, store):
    labels = IncidentKey(seed_hotline.DATASET, "", "hotline-rate", "")
    with store.begin() as tx:
        raised = operational.open_fault(
            tx, OperationalFault(labels, "far too many events are kept", "train again", "warning"), 1.0
        )
    page = client.get(f"/incidents/{raised.id}").text
    assert 'href="/hotline?dataset=%2FSingleLepton%2FSimulated-v1%2FRAW"' in page
    assert "0 monitoring elements" not in page
    assert "lumisections below" not in page
    assert "lumisections of ," not in page
    assert "up to 0 monitoring" not in client.get("/incidents").text


def test_events_are_paged_and_filtered(client):
    first = client.get("/api/v1/hotline", params={"limit": 20}).json()
    second = client.get("/api/v1/hotline", params={"limit": 20, "cursor": first["next"]}).json()
    numbers = [item["id"] for item in first["items"] + second["items"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 24
    assert second["next"] is None
    counts = {
        marked: len(client.get("/api/v1/hotline", params={"marked": marked}).json()["items"])
        for marked in ("all", "new", "interesting", "known", "detector")
    }
    assert counts == {"all": 24, "new": 22, "interesting": 1, "known": 0, "detector": 1}
    assert client.get("/api/v1/hotline", params={"run": 1}).json()["items"] == []
    assert client.get("/api/v1/hotline", params={"marked": "lost"}).status_code == 422
    assert "Older" in client.get("/hotline").text
    assert "No kept event fits" in client.get("/hotline", params={"run": "1"}).text


def test_every_answer_is_as_openapi_says(client):
    document = client.get("/openapi.json").json()
    for path in ("/api/v1/hotline", "/api/v1/hotline/{event_id}"):
        answer = client.get(path.format(event_id=3))
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        fastjsonschema.compile(schema | {"components": document["components"]})(answer.json())


def test_a_marking_is_kept_with_who_and_when(client):
    headers = {"X-CSRF-Token": token(client)}
    answer = client.post("/api/v1/hotline/3/known", json={"actor": " Ada ", "note": "a Z"}, headers=headers)
    assert answer.json()["event"]["marking"] == "known"
    (text,) = answer.json()["markings"]
    assert (text["actor"], text["marking"], text["note"]) == ("Ada", "known", "a Z")
    page = client.get("/hotline/3").text
    assert "a Z" in page
    assert "known process" in page


def test_what_cannot_be_marked_is_refused(client):
    headers = {"X-CSRF-Token": token(client)}
    assert client.post("/api/v1/hotline/3/known", json={"actor": "Ada"}).status_code in (403, 422)
    assert client.post("/api/v1/hotline/999/known", json={"actor": "Ada"}, headers=headers).status_code == 404
    assert client.post("/api/v1/hotline/3/lovely", json={"actor": "Ada"}, headers=headers).status_code == 422
    assert client.post("/api/v1/hotline/3/known", json={"actor": " "}, headers=headers).status_code == 422
    assert client.post("/hotline/3/known", data={"actor": "Ada"}).status_code == 403
    assert client.get("/hotline/999").status_code == 404
    assert client.get("/api/v1/hotline/999").status_code == 404


def test_notes_are_escaped(client):
    headers = {"X-CSRF-Token": token(client)}
    client.post("/api/v1/hotline/3/known", json={"actor": "<b>Ada", "note": "<script>"}, headers=headers)
    page = client.get("/hotline/3").text
    assert "&lt;script&gt;" in page
    assert "<b>Ada" not in page


def test_without_events_the_page_says_what_to_do(serving, store):
    client = serving(store, seed_hotline.now_s)
    assert "nightshift train hotline" in client.get("/hotline").text
    assert client.get("/api/v1/hotline").json() == {"items": [], "next": None}


def hour(kept_events, live_s=3600.0):
    return Hour(live_s=live_s, judged_events=1000, kept_events=kept_events, updated_s=1.0)


def test_bars_hold_all_hours_and_their_chance():
    result = bars([hour(3)] * 80 + [hour(1, 600.0)], 3.0)
    assert len(result) <= MOST_BARS
    assert sum(item.hours for item in result) == pytest.approx(80 + 1 / 6)
    assert sum(item.kept_events * item.hours for item in result) == pytest.approx(241)
    for item_value in result:
        assert 0 <= item_value.low < 3.0 < item_value.high
    assert bars([], 3.0) == []
    assert bars([hour(0, 0.0)], 3.0)[0].kept_events == 0.0


def test_of_late_are_ten_hours_of_data_taking_or_all_there_are():
    report = recent_rate([hour(50)] * 5 + [hour(3)] * 10, 3.0)
    assert (report.hours, report.kept_events, report.declared, report.verdict) == (10.0, 30, 30.0, "as declared")
    assert recent_rate([hour(1, 600.0)], 3.0).hours == pytest.approx(1 / 6)
    assert recent_rate([hour(6)] * 10, 3.0).verdict == "more than chance explains"
    assert recent_rate([hour(1)] * 10, 3.0).verdict == "fewer than chance explains"
    assert recent_rate([], 3.0).kept_events == 0


@pytest.mark.parametrize(
    ("value", "low", "high"), [(5.0, 0.0, 10.0), (90.0, 0.0, 10.0), (-4.0, 0.0, 0.0), (0.0, 0.0, 0.0)]
)
def test_a_value_is_placed_within_the_picture(value, low, high):
    feature_range = FeatureRange("met_gev", value, low, high)
    at = feature_range.place
    assert feature_range.outside == (value > high or value < low)
    assert 0 <= at.low <= at.high <= 1
    assert 0 <= at.value <= 1
    assert (at.value > at.high) == (value > high)
    assert (at.value < at.low) == (value < low)
