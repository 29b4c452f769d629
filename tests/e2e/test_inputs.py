"""Real files and all formats through the command line: nothing gets lost, and a format changes no verdict."""

import json
import os
import uuid
from pathlib import Path

import hist
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
import yaml
from sqlalchemy import func, select

from dqm.core.quality import Quality
from dqm.simulate.detector import stream
from opint.store.engine import Store
from opint.store.tables import dead_letter, incident, ls_summary, lumisection, occurrence
from streams.codecs import encode
from streams.files.arrow_file import write_recording
from tests.e2e.watching import done, nightshift, settings_for, wait_until
from tests.small import LEVEL, keys, small_fault

DATA = Path(os.environ.get("NIGHTSHIFT_DATA", Path(__file__).parents[2] / "../shared/data"))


def real(name):
    """A real file, or a skip that says which one is missing."""
    path = (DATA / name).resolve()
    if not path.exists():
        pytest.skip(f"{path} is not there; set NIGHTSHIFT_DATA to the folder of real data")
    return path


def offline(folder, models):
    """Settings without a broker, and their store."""
    url = f"sqlite:///{folder / 'n.db'}"
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump({"database": {"url": url}, "dqm": {"models": str(models)}}))
    store = Store.open(url)
    store.upgrade()
    return file, store


def rows(store, query):
    with store.read() as tx:
        return tx.execute(query).all()


@pytest.mark.slow
def test_real_csc_runs_in_run_order(embedded_broker, tmp_path, daemons_with):
    file = real("csc/segments_time_combined.parquet")
    url = f"sqlite:///{tmp_path / 'n.db'}"
    store = Store.open(url)
    store.upgrade()
    topic = f"csc.{uuid.uuid4().hex}"
    kafka = {"embedded": True, "cluster_id": embedded_broker.cluster_id}
    values = settings_for(embedded_broker.bootstrap_servers, topic, url, tmp_path / "models", **kafka)
    daemons = daemons_with(values)
    nightshift("train", "histograms", file, "--runs", "1-300000", settings=daemons.settings)
    daemon = daemons.start()
    replayed = nightshift("replay", file, "--runs", "1-300300", settings=daemons.settings)
    assert "published 211 lumisections" in replayed
    wait_until(lambda: done(store, 211), 200, "all runs judged")
    assert daemons.stop(daemon) == 0
    counts = dict(map(tuple, rows(store, select(ls_summary.c.quality, func.count()).group_by(ls_summary.c.quality))))
    assert sum(counts.values()) == 211
    trained = select(func.count()).where(ls_summary.c.run <= 300000, ls_summary.c.quality == Quality.BAD)
    ((bad,),) = rows(store, trained)
    assert bad <= 0.1 * 182, "good runs that the model was made from must look good"
    assert rows(store, select(dead_letter)) == []


@pytest.mark.slow
def test_real_templates_under_real_conditions(tmp_path):
    table, oms = pq.read_table(real("templates/cms_muon_pca_2018.parquet")), real("oms/Run2024B-v1.parquet")
    file, store = offline(tmp_path, tmp_path / "models")
    # Every twelfth of 846, which has some of each subsystem.
    templates = tmp_path / "templates.parquet"
    pq.write_table(table.take(np.arange(0, len(table), 12)), templates)
    inputs = ("--templates", templates, "--conditions", oms, "--good-only")
    train, watch, truth = tmp_path / "train.arrow", tmp_path / "watch.arrow", tmp_path / "truth.jsonl"
    # The year's first fills have next to no luminosity.
    trained = ("--skip", 8400, "--lumisections", 240, "--faults", 0, "--out", train)
    watched = ("--skip", 8640, "--lumisections", 60, "--faults", 3, "--truth", truth, "--out", watch)
    nightshift("simulate", *inputs, *trained, settings=file)
    nightshift("simulate", *inputs, *watched, settings=file)
    nightshift("train", "histograms", train, settings=file)
    nightshift("score", watch, "--keep", settings=file)
    assert len(rows(store, select(lumisection).where(lumisection.c.closed_s.is_not(None)))) == 60
    faults = [json.loads(line) for line in truth.read_text().splitlines()]
    alarms = {(row.ls, me) for row in rows(store, select(occurrence)) for me in row.elements}
    for fault in faults:
        during = range(fault["start"][1], fault["end"][1] + 1)
        assert any((ls, me) in alarms for ls in during for me in fault["elements"]), fault


def test_the_csv_dialect_file(tmp_path, models):
    file, store = offline(tmp_path, models)
    text = nightshift("score", real("dqm_csv/per_lumisection_1d.csv"), "--keep", settings=file)
    assert "315488" in text
    strangers = [row for row in rows(store, select(ls_summary)) if row.subsystem not in {"Muon", "Strips"}]
    assert sum(row.not_inspected for row in strangers) == 9, "no model knows the nine histograms"
    assert sum(row.good for row in strangers) == 0


def write_arrow(folder, batches):
    write_recording(folder / "all.arrow", batches)


def write_uhi(folder, batches):
    for batch in batches:
        name = f"{batch.key.run}-{batch.key.ls:04}-{batch.subsystem}.uhi.json"
        (folder / name).write_bytes(encode(batch, "application/vnd.uhi+json"))


def write_dials(folder, batches):
    table = [
        {
            "dataset": batch.dataset,
            "me": me.name,
            "run_number": batch.key.run,
            "ls_number": batch.key.ls,
            "x_min": me.axes[0].lower,
            "x_max": me.axes[0].upper,
            "x_bin": me.axes[0].bins,
            "entries": float(entries),
            "data": batch.histogram(me.name).tolist(),
        }
        for batch in batches
        for me, entries in zip(batch.catalogue.elements, batch.entries, strict=True)
    ]
    (folder / "all.json").write_text(json.dumps(table))


def write_root(folder, batches):
    with uproot.recreate(folder / "all.root") as file:
        for batch in batches:
            for me in batch.catalogue.elements:
                axis = me.axes[0]
                histogram = hist.Hist(hist.axis.Regular(axis.bins, axis.lower, axis.upper, name="x", label=axis.label))
                histogram.view()[...] = batch.histogram(me.name)
                path = me.name.removeprefix(f"{batch.subsystem}/")
                where = f"DQMData/Run {batch.key.run}/{batch.subsystem}/By Lumi Section {batch.key.ls}-{batch.key.ls}"
                file[f"{where}/{path}"] = histogram


@pytest.mark.parametrize("write", [write_arrow, write_uhi, write_dials, write_root])
def test_every_format_finds_the_same_fault(write, tmp_path, detector, models):
    expected = keys(14)
    result = stream(detector, [(key, LEVEL) for key in expected], [small_fault(expected, 5, 9)], seed=2)
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder, [batch for item in result for batch in item.batches])
    file, store = offline(tmp_path, models)
    nightshift("score", *sorted(folder.iterdir()), "--keep", settings=file)
    bad = select(ls_summary.c.ls).where(ls_summary.c.subsystem == "Muon", ls_summary.c.quality == Quality.BAD)
    assert {row.ls for row in rows(store, bad)} >= set(range(6, 11))
    (only,) = rows(store, select(incident).where(incident.c.family == "content"))
    assert (only.element_group, only.kind) == ("Muon/Part1", "hot")
    assert np.isclose(only.first_ls, 6)
