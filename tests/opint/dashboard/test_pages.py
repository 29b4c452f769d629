"""What the pages say, full and empty, fresh and stale."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from opint.store.heartbeats import Heartbeat, beat
from opint.store.models import Promotion, promote
from opint.store.tables import incident, lumisection

PAGES = ["/", "/incidents", "/incidents/1", "/incidents/2", "/incidents/3", "/runs", "/runs/379415", "/system"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_answer_and_escape_hostile_names(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    assert "<b>do not" not in answer.text


def test_the_hostile_name_is_there_as_text(client):
    assert "&lt;script&gt;alert(&#39;me&#39;)" in client.get("/incidents/3").text


def test_the_overview_says_what_is_open(client):
    page = client.get("/").text
    assert "1 open incident" in page
    assert "Muon/Wheel-1/Sector05: dead channels" in page
    assert "✕" in page
    assert 'role="alert" hidden' in page


@pytest.mark.parametrize("path", ["/nothing", "/incidents/99", "/runs/12", "/incidents/x"])
def test_unknown_pages_are_pages(client, path):
    answer = client.get(path)
    assert answer.status_code in {404, 422}
    assert "Back to the overview" in answer.text


def test_silence_is_said(serving, store, seed):
    page = serving(store, lambda: seed.now_s() + 3600).get("/").text
    assert "Stale since" in page
    assert 'role="alert" hidden' not in page
    assert "1 open incident" in page


def test_a_waiting_daemon_is_not_called_good(serving, store, seed):
    with store.begin() as tx:
        tx.execute(incident.update().values(state="resolved", resolved_s=1.0))
        beat(tx, Heartbeat("cr01:4711:1712799000", 0.0, seed.now_s(), "waiting", "the broker is away"))
    page = serving(store, seed.now_s).get("/").text
    assert "the broker is away" in page
    assert "No open incidents" not in page


def test_all_well(serving, store, seed):
    with store.begin() as tx:
        tx.execute(incident.update().values(state="resolved", resolved_s=1.0))
    page = serving(store, seed.now_s).get("/").text
    assert "No open incidents" in page
    assert re.search(r"No incident is open, but \d+ lumisections below have a warning or worse", page)


def test_an_empty_store_says_what_to_do(serving, empty_store):
    client = serving(empty_store, lambda: 1000.0)
    assert "nightshift run" in client.get("/").text
    assert "nightshift replay" in client.get("/runs").text
    assert "nightshift train" in client.get("/system").text
    assert "No incident fits" in client.get("/incidents").text


def test_a_lumisection_without_verdict_is_not_inspected_in_the_strip(serving, store, seed):
    with store.begin() as tx:
        row = {**tx.execute(lumisection.select().where(lumisection.c.ls == 62)).mappings().one()}
        tx.execute(lumisection.insert().values(row | {"ls": 63, "closed_s": None, "revision": 0}))
    page = serving(store, seed.now_s).get("/").text
    assert "Calo, run 379415 LS 63: not inspected" in page


def test_choosers_lead_to_the_evidence_asked_for(client):
    page = client.get("/incidents/3", params={"at": "379415:50", "me": "Muon/Wheel-1/Sector05/timing"}).text
    assert "Worst features" in page
    assert "62.0 %" in page
    assert "23.1 ± 0.4" in page
    assert "behind ± stands how far they differ" in page
    assert 'aria-label="Muon/Wheel-1/Sector05/timing, run 379415 LS 50' in page
    page = client.get("/incidents/3", params={"at": "nonsense", "me": "none"}).text
    assert "run 379415 LS 62" in page


def test_a_database_that_was_not_upgraded_is_one_clear_page(serving, tmp_path):
    from opint.store.engine import Store

    store = Store.open(f"sqlite:///{tmp_path / 'bare.db'}")
    client = serving(store, lambda: 0.0)
    answer = client.get("/")
    assert answer.status_code == 503
    assert "nightshift db upgrade" in answer.text
    assert client.get("/api/v1/incidents").status_code == 503
    store.close()


def test_promotions_are_told(serving, store, seed):
    with store.begin() as tx:
        promote(tx, Promotion("histograms", "candidate", "c" * 64, "", "Ada", "<b>better</b>", 1.7e9))
    client = serving(store, seed.now_s)
    page = client.get("/system").text
    assert "cccccccccccc" in page
    assert "&lt;b&gt;better&lt;/b&gt;" in page
    (report,) = client.get("/api/v1/system").json()["promotions"]
    assert (report["name"], report["actor"], report["previous"]) == ("candidate", "Ada", "")


@pytest.mark.parametrize("path", ["/", "/incidents", "/incidents/3"])
def test_links_to_the_run_of_an_incident_carry_its_dataset(client, seed, path):
    page = client.get(path).text
    links = [urlsplit(unescape(link)) for link in re.findall(r'href="(/runs/[^"]*)"', page)]
    assert links
    assert {parse_qs(link.query)["dataset"][0] for link in links} == {seed.DATASET}


def test_last_seen_is_when_the_last_bad_lumisection_came(fresh, store, seed):
    before = fresh.get("/api/v1/incidents/2").json()["last_seen_s"]
    assert before == seed.START_S + (22 + 44) * 23.31
    token = fresh.get("/api/v1/session").json()["csrf_token"]
    comment = {"actor": "Ada", "text": "looking"}
    fresh.post("/api/v1/incidents/2/comment", json=comment, headers={"X-CSRF-Token": token})
    assert fresh.get("/api/v1/incidents/2").json()["last_seen_s"] == before
    assert fresh.get("/api/v1/incidents").json()["items"][1]["last_seen_s"] == before


def test_a_run_says_how_many_incidents_it_does_not_list(serving, store, seed):
    with store.begin() as tx:
        for number in range(30):
            seed.raise_incident(tx, 100 + number, title=f"Extra {number}")
        seed.raise_incident(tx, 200, title="Elsewhere", dataset="/0/B/DQM")
    client = serving(store, seed.now_s)
    page = client.get("/runs/379415").text
    assert "20 of 32; see all" in page
    link = unescape(re.search(r'href="(/incidents\?run[^"]*)"', page).group(1))
    listed = client.get(link).text
    assert "Extra 0<" in listed
    assert "Elsewhere" not in listed


def test_critical_incidents_come_first(serving, store, seed):
    with store.begin() as tx:
        seed.raise_incident(tx, 100, title="A warning that is newer")
    page = serving(store, seed.now_s).get("/").text
    active = page[page.index('id="incidents"') :]
    assert active.index("Muon/Wheel-1/Sector05: dead channels") < active.index("A warning that is newer")
    assert "Newest <time" in page
    assert "</time>: A warning that is newer" in page


def test_a_filter_takes_any_case_and_names_what_it_cannot_take(client):
    assert "Calo/EB+03" in client.get("/incidents", params={"subsystem": "cALO"}).text
    refused = client.get("/incidents", params={"run": "thirty"})
    assert refused.status_code == 422
    assert "run is &#39;thirty&#39;: write the number of a run" in refused.text


def test_a_problem_leads_back_to_the_page_before(client):
    own, foreign = f"{client.base_url}/incidents/3?at=x", "https://elsewhere.example/incidents/3"
    assert 'href="/incidents/3?at=x"' in client.get("/runs/5", headers={"Referer": own}).text
    for referer in (foreign, "//[", ""):
        assert "page before" not in client.get("/runs/5", headers={"Referer": referer}).text


def test_an_incident_says_how_many_elements_it_does_not_list(serving, store, seed):
    with store.begin() as tx:
        number = seed.raise_incident(tx, 100, elements=[f"Muon/Wheel-1/me{at}" for at in range(230)], first_ls=62)
    page = serving(store, seed.now_s).get(f"/incidents/{number}").text
    assert "Muon/Wheel-1/me199<" in page
    assert "and 30 more" in page


def test_critical_incidents_come_first_and_filters_say_what_is_wrong(client):
    page = client.get("/incidents").text
    assert re.findall(r'href="/incidents/(\d)" id', page) == ["3", "2", "1"]
    assert "No subsystem with an incident is called “Tracker”" in client.get("/incidents?subsystem=Tracker").text
    assert "there are Calo, Muon, Pixel" in client.get("/incidents?subsystem=Tracker").text
    assert re.findall(r'href="/incidents/(\d)" id', client.get("/incidents?subsystem=muo&words=DEAD").text) == ["3"]
    assert client.get("/incidents?order=best").status_code == 422
