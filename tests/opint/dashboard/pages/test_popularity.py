"""The page of popularity and its part of the API, over HTTP."""

import fastjsonschema
import pytest

from opint.dashboard.charts import spark_points
from opint.popularity.summary import summary_lines
from opint.store.popularity import StoredScore
from tests.support import seed_popularity


@pytest.fixture
def client(serving, store):
    seed_popularity.fill(store)
    return serving(store, seed_popularity.now_s)


def test_the_page_shows_who_forecasts_the_scoreboard_and_the_forecast(client):
    page = client.get("/popularity").text
    for word in ("✓ blend", "! persistence", "fallen behind", "MINIAODSIM", "<polyline", "for the week of", "● yes"):
        assert word in page
    assert "Older" in page


def test_a_dataset_is_found_by_part_of_its_name(client):
    answer = client.get("/api/v1/popularity/forecasts", params={"search": "/RAW", "limit": 500}).json()
    assert answer["items"]
    assert all("/RAW" in item["dataset"] for item in answer["items"])
    page = client.get("/popularity", params={"search": "<nothing>"}).text
    assert "No dataset fits" in page
    assert "<nothing>" not in page
    assert client.get("/popularity", params={"catalogue": "none"}).status_code == 404
    assert client.get("/api/v1/popularity/forecasts", params={"horizon": 99}).status_code == 422


def test_every_answer_is_as_openapi_says(client):
    document = client.get("/openapi.json").json()
    for path in ("", "/forecasts", "/scoreboard", "/model-choices"):
        answer = client.get(f"/api/v1/popularity{path}")
        assert answer.status_code == 200
        schema = document["paths"][f"/api/v1/popularity{path}"]["get"]["responses"]["200"]["content"]
        fastjsonschema.compile(schema["application/json"]["schema"] | {"components": document["components"]})(
            answer.json()
        )


def test_without_anything_stored_the_page_says_what_to_do(serving, store):
    client = serving(store, seed_popularity.now_s)
    assert "nightshift popularity scoreboard" in client.get("/popularity").text
    assert client.get("/api/v1/popularity").json() == []
    assert client.get("/api/v1/popularity/scoreboard").status_code == 404


def score(week, tier, model, hits, misses):
    return StoredScore(
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
    result = summary_lines(scores)
    assert [(item.tier, item.model) for item in result][:4] == [
        ("all", "blend"),
        ("all", "persistence"),
        ("new", "blend"),
        ("new", "persistence"),
    ]
    assert result[0].f1 == pytest.approx(0.8)
    assert result[0].popular == 20
    assert spark_points(result[0].f1_by_week) == "0.0,5.8 160.0,5.8"
    assert spark_points(summary_lines([score("2024-01-01", "all", "blend", 0, 0)])[0].f1_by_week) == ""
    assert summary_lines([]) == []
