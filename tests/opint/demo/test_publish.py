"""Same input, model and settings: the same decisions, byte for byte, however and wherever they are made."""

import hashlib
import os
import subprocess
import sys

import pytest
import yaml
from sqlalchemy import select

from conf.settings import Settings
from dqm.histograms.bundle import load
from dqm.histograms.pipeline import Pipeline
from dqm.simulate.detector import stream
from dqm.simulate.faults import Fault, FaultKind
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.store.tables import audit, evidence, incident, ls_score, ls_summary, lumisection, occurrence
from streams.files.arrow_file import write_recording
from streams.source import Message, Partition
from tests.small import LEVEL, keys

SETTINGS = Settings()
KEYS = keys(30)
PLACE = Partition("cluster", "dqm.histograms", 0)
FAULTS = [
    Fault(FaultKind.DEAD, "Muon", 0.5, KEYS[5], KEYS[9], group="Muon/Part1", seed=1),
    Fault(FaultKind.STUCK, "Strips", 1.0, KEYS[12], KEYS[20], group="Strips/Part2", seed=1),
    Fault(FaultKind.MISSING, "Strips", 1.0, KEYS[24], KEYS[26], group="Strips/Part1", seed=1),
]
DECISIONS = (ls_score, ls_summary, evidence, incident, occurrence)
"""What is decided. The tables lumisection and audit also tell how often a lumisection was looked at."""

TIMES = {"opened_s", "updated_s", "acknowledged_s", "resolved_s", "at_s", "closed_s", "first_seen_s", "published_s"}


def decisions(store, tables, without=frozenset()) -> str:
    """Hash of all rows of the tables, every byte of every column but those named."""
    content = hashlib.sha256()
    with store.read() as tx:
        for table in tables:
            columns = [column for column in table.c if column.name not in without]
            for row in tx.execute(select(*columns).order_by(*table.primary_key.columns)):
                content.update(repr(tuple(row)).encode())
    return content.hexdigest()


@pytest.fixture(scope="module")
def batches(detector):
    return [batch for each in stream(detector, [(key, LEVEL) for key in KEYS], FAULTS, 3) for batch in each.batches]


@pytest.fixture
def judge(open_store, sqlite_template, tmp_path, models, batches):
    """``judge(name, size)``: decide about all batches, ``size`` in each transaction, with a pipeline of its own."""

    def run(name, size):
        path = tmp_path / f"{name}.db"
        path.write_bytes(sqlite_template.read_bytes())
        store = open_store(f"sqlite:///{path}")
        pipeline = Pipeline(load(models / "histograms"), SETTINGS.dqm, SETTINGS.alerts)
        ingest = LumisectionIngest(store, pipeline, SETTINGS, "me", lambda: 1000.0)
        ingest.claim([PLACE])
        for start in range(0, len(batches), size):
            sample = batches[start : start + size]
            messages = [Message(PLACE, start + n, item, {}, 999.0, "") for n, item in enumerate(sample)]
            ingest.apply([Arrival(m, item) for m, item in zip(messages, pipeline.score(sample), strict=True)])
        while ingest.close_due(everything=True).closed:
            pass
        return store

    return run


def test_the_same_replay_writes_the_same_bytes(judge) -> None:
    every = (*DECISIONS, lumisection, audit)
    first, second = judge("first", 7), judge("second", 7)
    assert decisions(first, every) == decisions(second, every)
    with first.read() as tx:
        families = set(tx.scalars(select(incident.c.family)))
    assert families == {"content", "frozen", "missing"}, "there is something to decide"


@pytest.mark.parametrize("size", [1, 2, 60])
def test_how_messages_are_grouped_does_not_matter(judge, size) -> None:
    assert decisions(judge("grouped", size), DECISIONS, TIMES) == decisions(judge("usual", 7), DECISIONS, TIMES)


@pytest.mark.slow
def test_another_process_with_another_hash_seed_decides_the_same(tmp_path, models, batches, open_store) -> None:
    recording = tmp_path / "some.arrow"
    write_recording(recording, batches)
    processes, stores = [], []
    for seed in ("1", "271828"):
        url = f"sqlite:///{tmp_path / f'seed{seed}.db'}"
        settings = tmp_path / f"seed{seed}.yaml"
        settings.write_text(yaml.safe_dump({"database": {"url": url}, "dqm": {"models": str(models)}}))
        stores.append(open_store(url))
        stores[-1].upgrade()
        command = [sys.executable, "-m", "opint.cli", "score", str(recording), "--keep", "--config", str(settings)]
        with (tmp_path / f"seed{seed}.log").open("wb") as log:
            environ = os.environ | {"PYTHONHASHSEED": seed}
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environ))
    assert [process.wait(200) for process in processes] == [0, 0]
    first, second = (decisions(store, DECISIONS, TIMES) for store in stores)
    assert first == second
