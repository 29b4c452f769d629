"""What karma, Grafana and amtool read: incidents in Alertmanager's form."""

import shutil
import subprocess

import pytest

from opint.notifications import silence_actions
from opint.notifications.silence_actions import matchers
from tests.support.incidents import open_incident


def names(answer):
    return [(alert["labels"]["incident"], alert["status"]["state"]) for alert in answer.json()]


def test_active_incidents_are_alerts(client):
    answer = client.get("/api/v2/alerts")
    assert names(answer) == [("3", "active"), ("2", "active")]
    muon = answer.json()[0]
    assert muon["labels"] == {
        "alertname": "content",
        "incident": "3",
        "severity": "critical",
        "dataset": "/Collisions/Run2024B-v1/DQM",
        "subsystem": "Muon",
        "folder": "Muon/Wheel-1/Sector05",
    }
    assert muon["annotations"]["summary"].startswith("Muon/Wheel-1/Sector05: dead channels")
    assert muon["startsAt"] < muon["updatedAt"] < muon["endsAt"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter": 'severity="critical"'}, ["3"]),
        ({"filter": ["subsystem!=Muon", "alertname=content"]}, ["2"]),
        ({"active": "false"}, []),
    ],
)
def test_alerts_are_filtered(query, expected, client):
    assert [number for number, _ in names(client.get("/api/v2/alerts", params=query))] == expected


@pytest.mark.parametrize("text", ["severity=~(a+)+$", "nothing", "a!~b", "=x"])
def test_a_filter_that_is_none_is_refused(text, client):
    answer = client.get("/api/v2/alerts", params={"filter": text})
    assert answer.status_code == 400
    assert "no regular expressions" in answer.json()["detail"]


def test_what_does_not_call_is_suppressed_with_its_reason(fresh, store, seed):
    with store.begin() as tx:
        silence = silence_actions.add(
            tx, matchers({"subsystem": "Calo"}), "ada", "works", seed.now_s(), seed.now_s() + 60
        )
        dataset = {"dataset": seed.DATASET, "subsystem": "Muon"}
        cause = open_incident(tx, "cause", at_s=seed.now_s(), family="status", element_group="", **dataset)
        open_incident(tx, "child", at_s=seed.now_s(), **dataset)
    status = {alert["labels"]["incident"]: alert["status"] for alert in fresh.get("/api/v2/alerts").json()}
    assert (status["2"]["state"], status["2"]["silencedBy"]) == ("suppressed", [str(silence)])
    assert (status["5"]["state"], status["5"]["inhibitedBy"]) == (
        "suppressed",
        [f"incident {cause}: Muon/Sectorcause: dead channels"],
    )
    assert status[str(cause)]["state"] == "active"
    assert "2" not in [number for number, _ in names(fresh.get("/api/v2/alerts?silenced=false"))]
    assert "5" not in [number for number, _ in names(fresh.get("/api/v2/alerts?inhibited=false"))]
    assert fresh.get("/api/v2/silences").json()[0]["createdBy"] == "ada"


def test_amtool_reads_us(client):
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not installed (Debian: prometheus-alertmanager)")
    command = [amtool, "alert", "query", "--alertmanager.url", str(client.base_url), "subsystem=Muon"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Muon/Wheel-1/Sector05: dead channels" in result.stdout
    assert "Calo" not in result.stdout
