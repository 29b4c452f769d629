"""An error that nobody expected: our own page, and one log entry that says where."""

import pytest
import structlog
from sqlalchemy import text

from opint.store.engine import Store


@pytest.fixture
def broken(fresh, monkeypatch):
    """A dashboard with a fault of its own in what reads incidents."""
    for name in ("page", "detail"):
        monkeypatch.setattr(f"opint.store.incident_pages.{name}", lambda *_, **__: 1 / 0)
    # Without it structlog's own default would print every local variable, which takes seconds.
    with structlog.testing.capture_logs():
        yield fresh


def test_people_get_a_page_and_programs_get_json(broken):
    page = broken.get("/incidents")
    assert page.status_code == 500
    assert "Back to the overview" in page.text
    assert "division" not in page.text
    answer = broken.get("/api/v1/incidents")
    assert answer.status_code == 500
    assert "log" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_log_names_the_request_once(broken):
    with structlog.testing.capture_logs() as lines:
        broken.get("/incidents/2?me=secret")
    assert len(lines) == 1
    assert (lines[0]["method"], lines[0]["path"], lines[0]["log_level"]) == ("GET", "/incidents/2", "error")
    assert lines[0]["exc_info"]


def test_the_log_says_why_the_store_does_not_answer(own_server, tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'bare.db'}")
    client = own_server(store, lambda: 0.0)
    with structlog.testing.capture_logs() as lines:
        client.get("/incidents")
    assert (lines[0]["status"], lines[0]["log_level"]) == (503, "warning")
    assert "nightshift db upgrade" in lines[0]["reason"]
    assert "exc_info" not in lines[0], "a database that was never upgraded is no fault"
    store.close()


def test_a_database_to_be_mended_is_logged_with_its_traceback(fresh, store):
    with store.begin() as tx:
        tx.execute(text("DROP TABLE audit"))
    with structlog.testing.capture_logs() as lines:
        assert fresh.get("/incidents/2").status_code == 503
    assert (lines[0]["status"], lines[0]["path"]) == (503, "/incidents/2")
    assert "no such table" in str(lines[0]["exc_info"].__cause__)


def test_a_refused_request_is_one_line_that_cannot_be_broken(fresh):
    with structlog.testing.capture_logs() as lines:
        fresh.get("/incidents/%0Anightshift%1b[31m")
    assert [(line["event"], line["status"], line["path"]) for line in lines] == [
        ("request refused", 404, "/incidents/%0Anightshift%1b[31m")
    ]
