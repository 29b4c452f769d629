"""What karma, Grafana and amtool read: incidents in Alertmanager's form."""

import shutil
import subprocess

import jsonschema
import pytest

from opint.notifications import silencing
from opint.notifications.silencing import matchers
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
        ({"filter": 'alertname=~"con.*|x"'}, ["3", "2"]),
        ({"filter": "subsystem!~M.+"}, ["2"]),
        ({"filter": "subsystem=~(M+)+$"}, []),
        ({"receiver": "night.*"}, ["3", "2"]),
        ({"receiver": "night"}, []),
        ({"active": "false"}, []),
    ],
)
def test_alerts_are_filtered(query, expected, client):
    assert [number for number, _ in names(client.get("/api/v2/alerts", params=query))] == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nothing", "filter 'nothing': write NAME=\"VALUE\""),
        ("=x", "write NAME"),
        ("a=" + "x" * 1000, "write NAME"),
        ("severity=~(", "severity '(': missing )"),
        (r"severity=~(a)\1", r"severity '(a)\\1': invalid escape sequence"),
    ],
)
def test_a_filter_that_is_none_is_refused(text, reason, client):
    answer = client.get("/api/v2/alerts", params={"filter": text})
    assert answer.status_code == 400
    assert reason in answer.json()["detail"]


def test_what_does_not_call_is_suppressed_with_its_reason(fresh, store, seed):
    with store.begin() as tx:
        silence = silencing.add(tx, matchers({"subsystem": "Calo"}), "ada", "works", seed.now_s(), seed.now_s() + 60)
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


@pytest.fixture
def silenced(fresh, store, seed):
    """The page with a silence."""
    with store.begin() as tx:
        match = matchers({"subsystem": "Calo", "family": "st*[em]?", "folder": "Muon/Wheel+1"})
        silencing.add(tx, match, "ada", "works", seed.now_s(), seed.now_s() + 60)
    return fresh


def listing(of):
    return {"type": "array", "minItems": 1, "items": of}


def record(required, **optional):
    return {"type": "object", "required": list(required), "properties": required | optional}


TEXT, FLAG = {"type": "string"}, {"type": "boolean"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
LABELS = {"type": "object", "additionalProperties": TEXT}
TEXTS = {"type": "array", "items": TEXT}
RECEIVER = record({"name": TEXT})
ALERT = record(
    {
        "labels": LABELS,
        "annotations": LABELS,
        "receivers": listing(RECEIVER),
        "fingerprint": TEXT,
        "startsAt": TIME,
        "updatedAt": TIME,
        "endsAt": TIME,
        "status": record(
            {
                "state": {"enum": ["unprocessed", "active", "suppressed"]},
                "silencedBy": TEXTS,
                "inhibitedBy": TEXTS,
                "mutedBy": TEXTS,
            }
        ),
    },
    generatorURL=TEXT,
)
SILENCE = record(
    {
        "id": TEXT,
        "status": record({"state": {"enum": ["expired", "active", "pending"]}}),
        "updatedAt": TIME,
        "startsAt": TIME,
        "endsAt": TIME,
        "createdBy": TEXT,
        "comment": TEXT,
        "matchers": listing(record({"name": TEXT, "value": TEXT, "isRegex": FLAG}, isEqual=FLAG)),
    }
)
RELEASE = dict.fromkeys(("version", "revision", "branch", "buildUser", "buildDate", "goVersion"), TEXT)
STATUS = record(
    {
        "cluster": record({"status": {"enum": ["ready", "settling", "disabled"]}}, name=TEXT, peers={"type": "array"}),
        "versionInfo": record(RELEASE),
        "config": record({"original": TEXT}),
        "uptime": TIME,
    }
)
"""What Alertmanager's api/v2/openapi.yaml requires of each answer (release 0.28)."""


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("alerts", listing(ALERT)),
        ("alerts/groups", listing(record({"labels": LABELS, "receiver": RECEIVER, "alerts": listing(ALERT)}))),
        ("silences", listing(SILENCE)),
        ("silence/1", SILENCE),
        ("receivers", {"type": "array", "items": RECEIVER}),
        ("status", STATUS),
    ],
)
def test_answers_have_the_form_that_alertmanager_has_published(path, schema, silenced):
    answer = silenced.get(f"/api/v2/{path}")
    assert answer.status_code == 200
    jsonschema.validate(answer.json(), schema)


def test_matchers_of_a_silence_are_regular_expressions_over_labels(silenced):
    (silence,) = silenced.get("/api/v2/silences").json()
    values = {matcher["name"]: matcher["value"] for matcher in silence["matchers"]}
    assert values == {"subsystem": "Calo", "alertname": "st.*[em].", "folder": r"Muon/Wheel\+1(/.*)?"}


def test_a_silence_that_does_not_run_is_not_there(silenced):
    answer = silenced.get("/api/v2/silence/9")
    assert (answer.status_code, answer.json()["detail"]) == (404, "No silence 9 runs.")


def test_karma_finds_a_release_among_the_metrics(client):
    assert 'alertmanager_build_info{version="0.25.0"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("command", "expected", "absent"),
    [
        (["alert", "query", "subsystem=Muon"], "Muon/Wheel-1/Sector05: dead channels", "Calo"),
        (["silence", "query", "--expired"], "works", "Muon/Wheel-1/Sector05"),
        (["config", "show"], "receiver: nightshift", "Calo"),
        (["check-config"], "SUCCESS", "FAILED"),
    ],
)
def test_amtool_reads_us(command, expected, absent, silenced, tmp_path):
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not installed (Debian: prometheus-alertmanager)")
    if command == ["check-config"]:
        # What Grafana would take apart.
        (tmp_path / "am.yml").write_text(silenced.get("/api/v2/status").json()["config"]["original"])
        arguments = [*command, str(tmp_path / "am.yml")]
    else:
        arguments = ["--alertmanager.url", str(silenced.base_url), *command]
    result = subprocess.run([amtool, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert expected in result.stdout
    assert absent not in result.stdout
