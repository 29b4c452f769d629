"""The page of a model in shadow."""

import re

from sqlalchemy import delete

from opint.store.tables import shadow_summary


def cells(page, subsystem):
    """The numbers of a subsystem's row."""
    row = re.search(rf'<tr><td data-label="Subsystem">{subsystem}</td>(.*?)</tr>', page)
    return re.findall(r"<td[^>]*>(.*?)</td>", row[1])


def test_both_models_are_compared_by_subsystem(client):
    page = client.get("/models").text
    assert 'histograms <span class="mono">histograms-2</span>' in page
    assert 'candidate <span class="mono">candidate-20</span>' in page
    assert cells(page, "Calo")[:4] == ["62", "19", "5", "0"]
    strips = cells(page, "Strips")
    assert strips[2] == "0"
    assert int(strips[3]) == 3
    assert strips[4] == "3 → 0"


def test_what_is_judged_differently_stands_together_and_links_to_it(client):
    page = client.get("/models").text
    assert "22–26" in page
    assert "/runs/379415?dataset=/Collisions/Run2024B-v1/DQM&amp;subsystem=Calo&amp;ls=22" in page
    assert page.count('data-label="In shadow"') == 4, "one stretch of Calo and three single lumisections of Strips"
    assert client.get("/runs/379415", params={"subsystem": "Calo", "ls": 22}).status_code == 200


def test_the_words_of_operators_stand_beside_both(fresh):
    assert "Nobody has said" in fresh.get("/models").text
    token = fresh.get("/api/v1/session").json()["csrf_token"]
    for number, word in ((2, "confirm"), (3, "false-alarm")):
        response = fresh.post(
            f"/api/v1/incidents/{number}/{word}", json={"actor": "Ada"}, headers={"X-CSRF-Token": token}
        )
        assert response.status_code == 200
    page = fresh.get("/models").text
    text = re.findall(r'data-label="Operators said">(.*?)</td>(.*?)</tr>', page)
    numbers = {words: re.findall(r">(\d+)<", row) for words, row in text}
    assert numbers == {"✓ true alarm": ["24", "24", "19"], "✕ false alarm": ["22", "22", "22"]}


def test_runs_and_models_can_be_chosen(client, seed):
    pair = f"{seed.MODEL}.{seed.SHADOW}"
    page = client.get("/models", params={"pair": pair, "first": "379415", "last": "379415"}).text
    assert cells(page, "Calo")[0] == "62"
    page = client.get("/models", params={"first": "1", "last": "5"}).text
    assert "Both have judged nothing in these runs" in page
    assert "No lumisection is judged differently" in page
    assert client.get("/models", params={"pair": f"{seed.SHADOW}.{seed.MODEL}"}).status_code == 404
    assert client.get("/models", params={"first": "x"}).status_code == 422


def test_without_a_shadow_it_says_how_to_get_one(serving, store, seed):
    with store.begin() as tx:
        tx.execute(delete(shadow_summary))
    assert "--as candidate" in serving(store, seed.now_s).get("/models").text


def test_the_system_page_leads_there(client):
    assert 'href="/models"' in client.get("/system").text
