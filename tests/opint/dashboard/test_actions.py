"""Acknowledge, resolve and comment, through the API and through the page's forms."""

import re

import pytest

HEADER = "X-CSRF-Token"


@pytest.fixture
def token(fresh):
    return fresh.get("/api/v1/session").json()["csrf_token"]


def _do(fresh, token, action, incident=3, **body):
    return fresh.post(f"/api/v1/incidents/{incident}/{action}", json={"actor": "Ada"} | body, headers={HEADER: token})


def test_the_life_of_an_incident(fresh, token):
    assert _do(fresh, token, "acknowledge").json()["state"] == "acknowledged"
    answer = _do(fresh, token, "comment", text="Expert called.").json()
    assert answer["acknowledged_by"] == "Ada"
    answer = _do(fresh, token, "resolve", text="Supply replaced.").json()
    assert (answer["state"], answer["resolved_by"]) == ("resolved", "Ada")
    assert [item["action"] for item in answer["audit"]] == ["opened", "acknowledged", "commented", "resolved"]
    assert answer["audit"][2]["detail"] == "Expert called."


def test_an_incident_is_reopened(fresh, token):
    assert "/incidents/1/reopen" in fresh.get("/incidents/1").text
    answer = _do(fresh, token, "reopen", incident=1, text="It is back.").json()
    assert (answer["state"], answer["resolved_by"], answer["audit"][-1]["action"]) == ("open", None, "reopened")
    assert "/incidents/1/resolve" in fresh.get("/incidents/1").text
    assert _do(fresh, token, "reopen", incident=1).status_code == 409


def test_a_state_that_does_not_allow_it_is_409_with_a_sentence(fresh, token):
    answer = _do(fresh, token, "acknowledge", incident=1)
    assert answer.status_code == 409
    assert "resolved" in answer.json()["detail"]


def test_a_verdict_is_told_and_counted(fresh, token):
    assert fresh.get("/api/v1/incidents/3").json()["feedback"] is None
    answer = _do(fresh, token, "false-alarm", text="Known noise.").json()
    assert (answer["feedback"]["verdict"], answer["feedback"]["actor"], answer["state"]) == (
        "false-alarm",
        "Ada",
        "open",
    )
    assert _do(fresh, token, "false-alarm").status_code == 409
    _do(fresh, token, "confirm", incident=2)
    (agreement,) = fresh.get("/api/v1/system").json()["agreement"]
    assert (agreement["incidents"], agreement["confirmed"], agreement["false_alarms"]) == (3, 1, 1)
    page = fresh.get("/incidents/3").text
    assert "✕ false alarm" in page
    assert "/incidents/3/confirm" in page
    assert "/incidents/3/false-alarm" not in page
    assert "50 %<small>1 of 2</small>" in fresh.get("/system").text


def test_a_state_is_accepted_as_the_new_reference_and_that_is_taken_back(fresh, token):
    assert "Accept as new reference" in fresh.get("/incidents/3").text
    assert _do(fresh, token, "accept").json()["detail"] == "The reason is empty."
    answer = _do(fresh, token, "accept", text="New masks since noon.").json()
    accepted = answer["acceptance"]
    assert len(accepted["elements"]) == 2
    assert (accepted["since_run"], accepted["since_ls"]) == (379415, 41)
    assert (accepted["actor"], accepted["reason"], answer["state"]) == ("Ada", "New masks since noon.", "acknowledged")
    detail = "2 elements as reference since run 379415 LS 41: New masks since noon."
    assert (answer["audit"][-1]["action"], answer["audit"][-1]["detail"]) == ("accepted", detail)
    assert _do(fresh, token, "accept", text="Again.").status_code == 409
    page = fresh.get("/incidents/3").text
    assert "<b>Accepted as new reference</b> by Ada" in page
    assert "/incidents/3/revoke" in page
    assert _do(fresh, token, "revoke", text="Masks are back.").json()["acceptance"] is None
    assert "/incidents/3/accept" in fresh.get("/incidents/3").text


def test_what_began_together_is_accepted_together(fresh, token, store, seed):
    with store.begin() as tx:
        sector = "Muon/Wheel-1/Sector06"
        other = seed.raise_incident(tx, 9, [f"{sector}/timing"], element_group=sector, first_ls=43)
        later = seed.raise_incident(tx, 10, element_group="Muon/Wheel-1/Sector07", first_ls=55)
    page = fresh.get("/incidents/3").text
    assert "Accept all 2" in page
    assert f'<a href="/incidents/{other}">{sector}</a>' in page
    assert _do(fresh, token, "accept-together", text="New gas mixture.").status_code == 200
    accepted = {number: fresh.get(f"/api/v1/incidents/{number}").json()["acceptance"] for number in (3, other, later)}
    assert accepted[other]["reason"] == "New gas mixture."
    assert (accepted[3] is None, accepted[later] is None) == (False, True)
    assert "Accept all" not in fresh.get(f"/incidents/{later}").text


def test_what_has_no_state_to_accept_says_so(fresh, token):
    assert "Accept as new reference" not in fresh.get("/incidents/1").text
    answer = _do(fresh, token, "accept", incident=1, text="It is fine.")
    assert (answer.status_code, "of family frozen" in answer.json()["detail"]) == (409, True)


def test_unknown_incidents_and_actions(fresh, token):
    assert _do(fresh, token, "resolve", incident=99).status_code == 404
    assert _do(fresh, token, "delete").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""},
        {"text": "x" * 2001},
        {"actor": "", "text": "x"},
        {"actor": "a" * 81, "text": "x"},
        {"text": "\x1b["},
    ],
)
def test_empty_long_and_unprintable_words_are_refused(fresh, token, body):
    assert _do(fresh, token, "comment", **body).status_code == 422
    assert [item["action"] for item in fresh.get("/api/v1/incidents/3").json()["audit"]] == ["opened"]


def _form(fresh, incident=3):
    page = fresh.get(f"/incidents/{incident}").text
    return {"csrf": re.search(r'name="csrf" value="([^"]+)"', page).group(1), "back": f"/incidents/{incident}"}


def test_the_page_s_form_acts_and_remembers_the_name(fresh):
    answer = fresh.post("/incidents/3/acknowledge", data=_form(fresh) | {"actor": "Zoë Ω", "text": ""})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/incidents/3"
    assert 'value="Zoë Ω"' in fresh.get("/incidents/3").text
    assert fresh.get("/api/v1/incidents/3").json()["acknowledged_by"] == "Zoë Ω"


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", ""])
def test_a_form_leads_back_to_our_own_pages_only(fresh, back):
    answer = fresh.post("/incidents/3/comment", data=_form(fresh) | {"actor": "Ada", "text": "x", "back": back})
    assert answer.headers["location"] == "/"


def test_hostile_comments_are_shown_as_text(fresh, token):
    _do(fresh, token, "comment", text="</script><script>alert(1)</script>", actor='<i>"Ada"')
    page = fresh.get("/incidents/3").text
    assert "<script>alert(1)" not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page
    assert "<i>" not in page


def test_without_the_right_token_nothing_happens(fresh, token):
    for headers in ({HEADER: "wrong"}, {HEADER: ""}, {HEADER: token, "Origin": "http://127.0.0.1:1"}):
        answer = fresh.post("/api/v1/incidents/3/acknowledge", json={"actor": "Eve"}, headers=headers)
        assert answer.status_code == 403
    assert fresh.post("/api/v1/incidents/3/acknowledge", json={"actor": "Eve"}).status_code == 403
    assert fresh.post("/incidents/3/acknowledge", data={"actor": "Eve"}).status_code == 403
    assert fresh.get("/api/v1/incidents/3").json()["state"] == "open"


def test_the_token_needs_its_cookie(fresh, token):
    fresh.cookies.clear()
    assert _do(fresh, token, "acknowledge").status_code == 403


def test_our_own_origin_is_welcome(fresh, token):
    origin = str(fresh.base_url).rstrip("/")
    answer = fresh.post(
        "/api/v1/incidents/3/acknowledge", json={"actor": "Ada"}, headers={HEADER: token, "Origin": origin}
    )
    assert answer.status_code == 200


def test_a_false_alarm_stays_open_and_the_page_says_so(fresh, token):
    assert _do(fresh, token, "false-alarm").json()["state"] == "open"
    sentence = "the incident stays open until it clears or somebody resolves it"
    assert sentence in fresh.get("/incidents/3").text
    _do(fresh, token, "resolve")
    assert sentence not in fresh.get("/incidents/3").text


def test_what_is_ticked_is_changed_together_or_not_at_all(fresh, token):
    def post(action, ids, **fields):
        data = {"csrf": token, "actor": "Ada", "id": ids, "back": "/incidents"} | fields
        return fresh.post(f"/incidents/ticked/{action}", data=data)

    assert post("acknowledge", ["2", "3"]).status_code == 409
    assert fresh.get("/api/v1/incidents/3").json()["state"] == "open"
    assert post("assign", ["2", "3"], text="no name").status_code == 303
    assert {fresh.get(f"/api/v1/incidents/{number}").json()["assigned_to"] for number in (2, 3)} == {"Ada"}
    assert post("resolve", ["2", "3"], text="both mended").status_code == 303
    assert {fresh.get(f"/api/v1/incidents/{number}").json()["state"] for number in (2, 3)} == {"resolved"}
    assert post("resolve", ["99"]).status_code == 404
    assert post("resolve", []).status_code == 422
    assert post("resolve", ["x"]).status_code == 422


def test_an_acknowledgement_may_end_and_an_incident_has_somebody_who_looks_after_it(fresh, token, seed):
    deed = {"actor": "Ada", "for_s": 3600.0}
    headers = {HEADER: token}
    answer = fresh.post("/api/v1/incidents/3/acknowledge", json=deed, headers=headers).json()
    assert answer["acknowledged_until_s"] == pytest.approx(seed.now_s() + 3600.0, abs=60.0)
    assert ", until 20" in fresh.get("/incidents/3").text
    fresh.post("/incidents/3/assign", data={"csrf": token, "actor": "Ada", "assignee": "Ben", "back": "/"})
    assert fresh.get("/api/v1/incidents/3").json()["assigned_to"] == "Ben"
    assert "assigned to Ben" in fresh.get("/incidents").text
