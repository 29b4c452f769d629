"""Commands that tests run, what they ask a store from outside, and how they wait for it."""

import subprocess
import sys
import time

import pytest
from sqlalchemy import func, select

from opint.store.tables import incident, ls_score, lumisection, occurrence, source_offset


def nightshift(*arguments, settings):
    """Run a command to its end; its output."""
    command = [sys.executable, "-m", "opint.cli", *map(str, arguments), "--config", str(settings)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "Traceback" not in ended.stderr
    return ended.stdout


def verdicts(store):
    """Reasons and qualities of every ME in every lumisection."""
    columns = (
        ls_score.c.subsystem,
        ls_score.c.run,
        ls_score.c.ls,
        ls_score.c.present,
        ls_score.c.digests,
        ls_score.c.verdict_qualities,
        ls_score.c.verdict_reasons,
    )
    with store.read() as tx:
        return {tuple(row[:3]): tuple(row[3:]) for row in tx.execute(select(*columns))}


def incidents(store):
    """Every incident by what it is about, with the lumisections it is made of."""
    query = select(
        incident.c.fingerprint, incident.c.id, incident.c.lumisections, occurrence.c.run, occurrence.c.ls
    ).join_from(incident, occurrence)
    results = {}
    with store.read() as tx:
        for fingerprint, number, count, run, ls in tx.execute(query):
            results.setdefault((fingerprint, number, count), []).append((run, ls))
    assert all(count == len(where) for (_, _, count), where in results.items())
    return sorted((fingerprint, tuple(sorted(where))) for (fingerprint, _, _), where in results.items())


def settings_for(bootstrap, topic, url, models, **kafka):
    return {
        "stream": {
            "kafka": {"bootstrap_servers": bootstrap, "topic": topic, "group": "g", "session_timeout_s": 6.0, **kafka},
            "lumisection_timeout_s": 3.0,
        },
        "database": {"url": url},
        "dqm": {"models": str(models)},
        "metrics": {"port": 0},
    }


def done(store, messages):
    """Whether all messages are behind us and all lumisections closed."""
    with store.read() as tx:
        offset = tx.scalar(select(func.coalesce(func.sum(source_offset.c.next_offset), 0)))
        waiting = tx.scalar(select(func.count()).select_from(lumisection).where(lumisection.c.closed_s.is_(None)))
    return offset >= messages and waiting == 0


def progress(store):
    with store.read() as tx:
        return int(tx.scalar(select(func.coalesce(func.sum(source_offset.c.next_offset), 0))) or 0)


def wait_until(condition, timeout_s, what):
    """Poll a condition; fail with ``what`` when time is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.2)
    pytest.fail(f"after {timeout_s:.0f} s still not: {what}")
