"""Liveness, readiness and metrics."""

from prometheus_client.parser import text_string_to_metric_families

from opint.store.engine import Store


def test_healthy_and_ready(client):
    assert client.get("/healthz").json()["ok"]
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)


def test_not_ready_without_heartbeat(own_server, store, seed, empty_store):
    answer = own_server(store, lambda: seed.now_s() + 3600).get("/readyz")
    assert answer.status_code == 503
    assert "no heartbeat for 3601 s" in answer.json()["reason"]
    answer = own_server(empty_store, lambda: 0.0).get("/readyz")
    assert answer.status_code == 503
    assert "nightshift run" in answer.json()["reason"]


def test_not_ready_before_the_upgrade(own_server, tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'bare.db'}")
    answer = own_server(store, lambda: 0.0).get("/readyz")
    assert answer.status_code == 503
    assert "nightshift db upgrade" in answer.json()["reason"]
    store.close()


def test_metrics_are_prometheus_s(client):
    families = {
        text_string_to_metric_family.name: text_string_to_metric_family
        for text_string_to_metric_family in text_string_to_metric_families(client.get("/metrics").text)
    }
    assert {sample.labels["state"]: sample.value for sample in families["nightshift_incidents"].samples} == {
        "open": 1,
        "acknowledged": 1,
        "resolved": 1,
    }
    assert families["nightshift_dead_letters"].samples[0].value == 2
    assert sum(sample.value for sample in families["nightshift_lag_messages"].samples) == 6
    assert families["nightshift_dashboard_database_up"].samples[0].value == 1


def test_metrics_say_that_the_database_is_unusable(own_server, tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'bare.db'}")
    assert "nightshift_dashboard_database_up 0.0" in own_server(store, lambda: 0.0).get("/metrics").text
    store.close()
