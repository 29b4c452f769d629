"""Silences and messages on the page and in the API."""

import re

import pytest
from fastapi.testclient import TestClient

from opint.dashboard.app import create_app
from opint.store import messages
from tests.opint.notifications.conftest import settings_of
from tests.support.incidents import open_incident

HEADER = "X-CSRF-Token"


@pytest.fixture
def token(fresh):
    return fresh.get("/api/v1/session").json()["csrf_token"]


@pytest.fixture
def act(fresh, token):
    """Send a form as a page of ours does."""
    return lambda path, **fields: fresh.post(path, data={"csrf": token, "actor": "Ada"} | fields)


def test_the_preview_names_what_would_be_hidden(client):
    page = client.get("/silences", params={"subsystem": "Mu*, Calo"}).text
    assert "Would hide 2 incidents now; would have hidden 2 in the past week" in page
    assert "Muon/Wheel-1/Sector05: dead channels" in page


def test_the_preview_of_a_form_has_no_secret_in_its_address(act):
    answer = act("/silences/preview", subsystem="Mu*", reason="a & b", until="1h")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/silences?subsystem=Mu%2A&reason=a+%26+b&until=1h"


def test_a_silence_is_made_shown_and_ended(fresh, act):
    assert act("/silences/new", subsystem="Muon", until="8h", reason="works on <b>it</b>").status_code == 303
    page = fresh.get("/silences").text
    assert "works on &lt;b&gt;it&lt;/b&gt;" in page
    assert "subsystem Muon" in page
    for path in ("/", "/incidents"):
        assert '<a href="/silences#silence-1">silenced</a>' in fresh.get(path).text
    assert 'Silenced: <a href="/silences#silence-1">silence 1</a>' in fresh.get("/incidents/3").text
    assert act("/silences/1/expire", back="/silences").status_code == 303
    assert "silenced</a>" not in fresh.get("/").text
    assert act("/silences/1/expire").status_code == 409
    assert act("/silences/9/expire").status_code == 404


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"subsystem": "Muon", "until": "8h", "reason": ""}, "The reason is empty"),
        ({"subsystem": "Muon", "until": "ever", "reason": "x"}, "Choose when the silence ends"),
        ({"until": "8h", "reason": "x"}, "would hide everything"),
        ({"severity": "bad", "until": "8h", "reason": "x"}, "severity is"),
        ({"subsystem": "Muon", "until": "8h", "reason": "x", "actor": ""}, "Your name is empty"),
    ],
)
def test_a_silence_that_cannot_be_is_refused(fields, expected, act):
    answer = act("/silences/new", **fields)
    assert answer.status_code == 422
    assert expected in answer.text


def test_programs_silence_with_the_token_alone(fresh, token):
    new = {"match": {"subsystem": ["Muon"]}, "reason": "works", "ends_s": None, "actor": "Ada"}
    assert fresh.post("/api/v1/silences", json=new).status_code == 403
    assert fresh.post("/api/v1/silences", json=new, headers={HEADER: token}).json() == {"id": 1}
    (listed,) = fresh.get("/api/v1/silences").json()
    assert (listed["end"], listed["hides"]) == ("until resolved", [3])
    assert fresh.post("/api/v1/silences/preview", json={"subsystem": "Muon"}).json() == {
        "now": [3],
        "week": 1,
        "examples": [3],
    }
    assert fresh.delete("/api/v1/silences/1?actor=Ben", headers={HEADER: token}).status_code == 204
    assert fresh.get("/api/v1/silences").json() == []


def test_the_page_of_an_incident_links_to_a_silence_of_it(client):
    page = client.get("/incidents/3").text
    link = re.search(r'href="(/silences\?[^"]*)">silence it', page)[1].replace("&amp;", "&")
    assert "Would hide 1 incident now" in client.get(link).text


@pytest.fixture
def dead(store):
    with store.begin() as tx:
        number = messages.add(tx, "k", "room", "[WARNING] <i>x</i>", {"text": "t"}, 1, 1000.0)
        messages.claim(tx, "d", "room", 1000.0, 9.0, 1)
        messages.mark_failed(tx, number, "d", "answered 404: '<script>'", None)
    return number


def test_dead_messages_are_shown_and_sent_again(fresh, act, dead, token):
    assert "1 message could not be delivered" in fresh.get("/system").text
    page = fresh.get("/notifications?state=dead").text
    assert "answered 404: &#39;&lt;script&gt;&#39;" in page
    assert fresh.get("/api/v1/notifications?state=dead").json()["items"][0]["error"] == "answered 404: '<script>'"
    assert act(f"/notifications/{dead}/resend", back="/notifications").status_code == 303
    assert "None." in fresh.get("/notifications?state=dead").text
    path = f"/api/v1/notifications/{dead}/resend?actor=Ada"
    assert fresh.post(path, headers={HEADER: token}).status_code == 409
    assert fresh.post(path.replace(f"/{dead}/", "/99/"), headers={HEADER: token}).status_code == 404


def test_a_page_says_that_no_dispatcher_looks(store, seed, tmp_path):
    settings = settings_of("http://127.0.0.1:9", receiver={"name": "room"})
    with store.begin() as tx:
        open_incident(tx, "late", at_s=seed.now_s() - 61.0)
    for path in ("/system", "/notifications"):
        for now_s, shown in ((seed.now_s(), True), (seed.now_s() - 30.0, False)):
            app = create_app(settings, store, lambda now_s=now_s: now_s)
            with TestClient(app, base_url="http://localhost") as client:
                assert ("Nobody is called: 1 change waits for a dispatcher" in client.get(path).text) == shown
