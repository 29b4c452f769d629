"""The page of popularity and its part of the API, over HTTP."""

import fastjsonschema
import pytest

from opint.popularity.summary import summary_lines
from opint.store.popularity import Score
from tests.support import seed_popularity


@pytest.fixture
def told(serving, store):
    seed_popularity.fill(store)
    return serving(store, seed_popularity.now_s)


def test_the_page_shows_who_forecasts_the_scoreboard_and_the_forecast(told):
    page = told.get("/popularity").text
    for word in ("✓ blend", "! persistence", "fallen behind", "MINIAODSIM", "<polyline", "for the week of", "● yes"):
        assert word in page
    assert "Older" in page


def test_a_dataset_is_found_by_part_of_its_name(told):
    found = told.get("/api/v1/popularity/forecasts", params={"search": "/RAW", "limit": 500}).json()
    assert found["items"]
    assert all("/RAW" in one["dataset"] for one in found["items"])
    page = told.get("/popularity", params={"search": "<nothing>"}).text
    assert "No dataset fits" in page
    assert "<nothing>" not in page
    assert told.get("/popularity", params={"catalogue": "none"}).status_code == 404
    assert told.get("/api/v1/popularity/forecasts", params={"horizon": 99}).status_code == 422


def test_every_answer_is_as_openapi_says(told):
    document = told.get("/openapi.json").json()
    for path in ("", "/forecasts", "/scoreboard", "/standings"):
        answer = told.get(f"/api/v1/popularity{path}")
        assert answer.status_code == 200
        schema = document["paths"][f"/api/v1/popularity{path}"]["get"]["responses"]["200"]["content"]
        fastjsonschema.compile(schema["application/json"]["schema"] | {"components": document["components"]})(
            answer.json()
        )


def test_without_anything_stored_the_page_says_what_to_do(serving, store):
    store.upgrade()
    client = serving(store, seed_popularity.now_s)
    assert "nightshift popularity scoreboard" in client.get("/popularity").text
    assert client.get("/api/v1/popularity").json() == []
    assert client.get("/api/v1/popularity/scoreboard").status_code == 404


def score(week, tier, model, hits, misses):
    return Score(
        week=week,
        tier=tier,
        model=model,
        true_positives=hits,
        false_positives=misses,
        false_negatives=misses,
        true_negatives=90,
        auc=None,
        average_precision=None,
    )


def test_lines_begin_with_all_and_the_best_model():
    scores = [
        score(week, tier, model, hits, 10 - hits)
        for week in ("2024-01-01", "2024-01-08")
        for tier in ("AOD", "all", "new")
        for model, hits in (("persistence", 5), ("blend", 8))
    ]
    found = summary_lines(scores)
    assert [(one.tier, one.model) for one in found][:4] == [
        ("all", "blend"),
        ("all", "persistence"),
        ("new", "blend"),
        ("new", "persistence"),
    ]
    assert found[0].f1 == pytest.approx(0.8)
    assert found[0].popular == 20
    assert found[0].spark == "0.0,5.8 160.0,5.8"
    assert summary_lines([score("2024-01-01", "all", "blend", 0, 0)])[0].spark == ""
    assert summary_lines([]) == []
