"""Metrics and health over HTTP, and systemd's notifications."""

import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from conf.errors import SettingsError
from streams.loop import systemd_notify
from streams.metrics import Metrics, served


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_what_is_counted_is_served():
    metrics = Metrics(CollectorRegistry())
    metrics.messages.labels("rates").inc(3)
    metrics.lumisections.labels(stream="rates", quality="bad").inc()
    metrics.dead_letters.labels(stream="rates", reason="bad-json").inc(2)
    metrics.lag.labels(topic="t", partition=1).set(7)
    metrics.publish_to_verdict_seconds.labels("rates").observe(0.3)
    with served(metrics.registry, "127.0.0.1", 0, lambda: "") as address:
        status, text = fetch(f"{address}/metrics")
    assert status == 200
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["nightshift_messages_total", "rates"] == 3
    assert samples["nightshift_lumisections_total", "bad", "rates"] == 1
    assert samples["nightshift_dead_letters_total", "bad-json", "rates"] == 2
    assert samples["nightshift_lag_messages", "1", "t"] == 7
    assert samples["nightshift_publish_to_verdict_seconds_bucket", "0.2", "rates"] == 0
    assert samples["nightshift_publish_to_verdict_seconds_bucket", "0.5", "rates"] == 1


def test_health_tells_what_ails():
    why = ""
    with served(CollectorRegistry(), "127.0.0.1", 0, lambda: why) as address:
        assert fetch(f"{address}/healthz") == (200, "ok\n")
        why = "the database is away"
        assert fetch(f"{address}/healthz") == (503, "the database is away\n")
        assert fetch(f"{address}/else")[0] == 404
    with pytest.raises(urllib.error.URLError):
        fetch(f"{address}/healthz")


def test_ipv6_loopback_is_served():
    with served(CollectorRegistry(), "::1", 0, lambda: "") as address:
        assert address.startswith("http://[::1]:")
        assert fetch(f"{address}/healthz") == (200, "ok\n")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.org", "", "::"])  # noqa: S104 - refused
def test_only_loopback_is_served(host):
    with pytest.raises(SettingsError, match="only loopback"), served(CollectorRegistry(), host, 0, lambda: ""):
        pass


def test_a_port_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            pytest.raises(SettingsError, match=f"metrics.port is {port}.*choose a free port"),
            served(CollectorRegistry(), "127.0.0.1", port, lambda: ""),
        ):
            pass


def test_systemd_hears_what_is_said(monkeypatch, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        systemd_notify("READY=1")
        assert systemd.recv(100) == b"READY=1"
    # Its end is no trouble of ours.
    systemd_notify("WATCHDOG=1")


def test_an_abstract_socket_is_understood(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0nightshift-test-notify")
        monkeypatch.setenv("NOTIFY_SOCKET", "@nightshift-test-notify")
        systemd_notify("STOPPING=1")
        assert systemd.recv(100) == b"STOPPING=1"


def test_without_systemd_nothing_is_said(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd_notify("READY=1")
