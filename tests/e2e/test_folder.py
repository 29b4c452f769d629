"""A folder that is being filled while it is watched: no broker at all."""

import json

import numpy as np
import pytest
from sqlalchemy import select

from dqm.simulate.detector import stream
from opint.store.engine import Store
from opint.store.tables import dead_letter, incident, lumisection
from streams.codecs import encode
from streams.codecs.content_type import ARROW_CONTENT_TYPE
from tests.e2e.watching import wait_until
from tests.small import LEVEL, keys, small_fault
from tests.support.receivers import web_receiver

UHI = "application/vnd.uhi+json"


def rows(store, query):
    with store.read() as tx:
        return tx.execute(query).all()


@pytest.fixture
def web():
    with web_receiver() as receiver:
        yield receiver


def test_files_are_judged_as_they_come_and_once(detector, models, tmp_path, daemons_with, web):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    url = f"sqlite:///{tmp_path / 'n.db'}"
    store = Store.open(url)
    store.upgrade()
    settings = {
        "stream": {
            "source": "folder",
            "folder": {"path": str(incoming), "settle_s": 0.3},
            "lumisection_timeout_s": 2.0,
        },
        "database": {"url": url},
        "dqm": {"models": str(models)},
        "metrics": {"port": 0},
        "notifications": {
            "receivers": [{"name": "room", "kind": "webhook", "url": web.url}],
            "routes": [{"name": "all", "receivers": ["room"], "group_wait_s": 0}],
        },
    }
    daemons = daemons_with(settings)
    daemon = daemons.start()
    expected = keys(12)
    result = stream(detector, [(key, LEVEL) for key in expected], [small_fault(expected, 4, 9)], seed=2)
    for number, item in enumerate(result):
        kind, suffix = (ARROW_CONTENT_TYPE, "arrow") if number % 2 else (UHI, "uhi.json")
        for batch in item.batches:
            unfinished = incoming / f".{item.key.ls:04}-{batch.subsystem}.{suffix}.tmp"
            unfinished.write_bytes(encode(batch, kind))
            unfinished.rename(incoming / f"{item.key.ls:04}-{batch.subsystem}.{suffix}")
        if number == 5:
            (incoming / "0006-broken.uhi.json").write_text(json.dumps({"no": "histogram"}))
            wait_until(lambda: len(rows(store, select(lumisection))) >= 3, 90, "lumisections judged")
            daemons.kill(daemon)
            daemon = daemons.start()
    closed = select(lumisection.c.ls).where(lumisection.c.closed_s.is_not(None))
    wait_until(lambda: len(rows(store, closed)) == 12, 90, "all lumisections judged")
    wait_until(lambda: web.requests, 30, "somebody called")
    assert daemons.stop(daemon) == 0
    assert [row.reason for row in rows(store, select(dead_letter))] == ["missing-envelope"]
    (only,) = rows(store, select(incident))
    assert (web.incidents, web.bodies[0]["incidents"][0]["title"][:10]) == ([only.id], "Muon/Part1")
    assert (only.element_group, only.kind) == ("Muon/Part1", "hot")
    assert np.all([row.revision == 1 for row in rows(store, select(lumisection))])
