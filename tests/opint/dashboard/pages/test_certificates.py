"""The certificate's page and its JSON."""

RUN = "/api/v1/runs/379415/certificate"


def test_good_runs_in_the_usual_form(client):
    answer = client.get("/api/v1/good-runs", params={"run": [379415, 379412]}).json()
    assert answer == {"379415": [[2, 21]], "379412": [[40, 49], [54, 61]]}


def test_the_certificate_says_why_and_how_much(client):
    answer = client.get(RUN).json()
    assert answer["lumi_unit"] == "1/pb"
    assert answer["excluded"][1]["why"] == [{"cause": "incident", "where": "Calo", "incidents": [2]}]
    lost = sum(item["lost"]["recorded"] for item in answer["excluded"])
    assert abs(lost - answer["lost"]["recorded"]) < 1e-9
    assert set(answer["lost_by_cause"]) == {"incident", "not inspected"}


def test_unknown_runs(client):
    assert client.get("/api/v1/runs/5/certificate").status_code == 404
    assert "no run 5" in client.get("/api/v1/good-runs", params={"run": 5}).json()["detail"]
    assert client.get("/runs/5/certificate").status_code == 404
    assert client.get(RUN, params={"dataset": "/X"}).status_code == 404


def test_the_page_follows_operators(fresh, seed):
    page = fresh.get("/runs/379415/certificate").text
    assert "20 of 62 LS" in page
    assert "Not inspected never counts as good" in page
    assert '<a href="/incidents/2">2</a>' in page
    token = fresh.get("/api/v1/session").json()["csrf_token"]
    fresh.post("/api/v1/incidents/2/false-alarm", json={"actor": "Ada"}, headers={"X-CSRF-Token": token})
    assert "39 of 62 LS" in fresh.get("/runs/379415/certificate").text
    assert "/runs/379415/certificate" in fresh.get("/runs/379415").text
