"""Each example of docs/formats.md is read as it stands."""

import re
from dataclasses import fields
from pathlib import Path

import hist
import numpy as np
import pytest
import uproot

from conf.loader import load
from opint.placement.replicas import read_replicas
from opint.placement.sites import read_sites
from opint.popularity.readers.access_table import read_history
from rl_cache.traces.read import read as read_trace
from streams.codecs import Limits, accesses, events, rates
from streams.codecs.accesses import AccessLimits
from streams.codecs.events import EventLimits
from streams.codecs.rates import RateLimits
from streams.codecs.workflows import WorkflowLimits
from streams.codecs.workflows import json as workflow_json
from streams.files import FileLayout, rate_table, read_file
from streams.records import LumisectionKey, TriggerRates

LIMITS = Limits(1 << 20, 100, 1000)
PAGE = Path(__file__).parents[1] / "docs" / "formats.md"


def examples(heading: str, language: str) -> list[str]:
    """Fenced code of this language under a heading, up to the next one."""
    text = PAGE.read_text().partition(f"# {heading}\n")[2]
    section = re.split(r"^#{2,3} ", text, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def histograms(path: Path, layout: FileLayout | None = None):
    """The only batch of a file, of which all was read."""
    (batch,) = read_file(path, LIMITS, layout or FileLayout())
    return batch


def write_file(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_the_example_in_uhi_json_is_read_and_equals_what_hist_writes(tmp_path):
    (text,), (code,) = examples("UHI JSON", "json"), examples("UHI JSON", "python")
    batch = histograms(write_file(tmp_path / "a.uhi.json", text))
    assert (batch.key, batch.subsystem, batch.conditions.fill) == (LumisectionKey(355374, 59), "DT", 7920)
    assert batch.conditions.dcs == {"DT": True}
    names: dict[str, str] = {}
    exec(code, names)  # noqa: S102 - our own page
    again = histograms(write_file(tmp_path / "b.uhi.json", names["message"]))
    for item in (batch, again):
        assert item.histogram("DT/Digi/occupancy").tolist() == [2, 0, 1]
        assert (item.key, item.entries.tolist()) == (batch.key, [3])


def test_the_folders_of_root_files_are_read(tmp_path):
    rows = re.findall(r"^\| `(DQMData/.*?)` \| (\d+).*? \| `(.*?)` \|$", PAGE.read_text(), re.MULTILINE)
    with uproot.recreate(tmp_path / "dqm.root") as file:
        for folder, _, _ in rows:
            file[folder] = hist.Hist.new.Reg(3, 0, 3).Double().fill([0.5, 0.5, 2.5])
    batches = list(read_file(tmp_path / "dqm.root", LIMITS))
    named = {(str(batch.key.ls), batch.catalogue.names[0]) for batch in batches}
    assert named == {(ls, name) for _, ls, name in rows}
    assert len(rows) == 2


def test_the_example_in_csv_and_that_of_dials_are_read_alike(tmp_path):
    (table,), (rows,) = examples("CSV", "csv"), examples("Rows of DIALS", "json")
    for batch in (histograms(write_file(tmp_path / "a.csv", table)), histograms(write_file(tmp_path / "a.json", rows))):
        assert batch.subsystem == "DT"
        assert batch.histogram("DT/Digi/occupancy").tolist() == [2, 0, 1]
        np.testing.assert_array_equal(batch.histogram("DT/Digi/map"), [5, 6])


def test_the_example_of_a_site_s_own_layout_is_read(tmp_path):
    (settings,), (table,) = examples("Your own layout", "yaml"), examples("CSV", "csv")
    layout = FileLayout.of(load(write_file(tmp_path / "my.yaml", settings), {}).stream.files)
    with uproot.recreate(tmp_path / "mine.root") as file:
        file["run7/ls3/charge"] = hist.Hist.new.Reg(3, 0, 3).Double().fill([0.5])
    batch = histograms(tmp_path / "mine.root", layout)
    assert (batch.key, batch.dataset) == (LumisectionKey(7, 3), "/MyDetector/2026/DQM")
    assert batch.catalogue.names == ("Pixel/charge",)
    own = table.replace("fromrun", "run").replace("fromlumi", "ls").replace("hname", "name")
    assert histograms(write_file(tmp_path / "mine.csv", own), layout).key == LumisectionKey(315488, 229)


def test_the_examples_of_trigger_rates_are_read_alike(tmp_path):
    (message,), (table, paths) = examples("Trigger rates", "json"), examples("Trigger rates", "csv")
    limits = RateLimits(len(message), 2)
    (row,) = rate_table.read(write_file(tmp_path / "rates.csv", table), limits)
    sent = rates.decode_json(message.encode(), limits)
    assert isinstance(row, TriggerRates)
    assert (row.key, row.dataset, row.menu, row.conditions.fill) == (sent.key, sent.dataset, sent.menu, 10144)
    assert (row.l1.tolist(), row.hlt.tolist()) == (sent.l1.tolist(), sent.hlt.tolist())
    (row,) = rate_table.read(write_file(tmp_path / "paths.csv", paths), limits)
    assert isinstance(row, TriggerRates)
    assert (row.menu.l1, row.menu.versions) == (("HLT_Physics", "HLT_ZeroBias"), (13, 12))
    assert row.conditions.prescale_name == "2p0E34"


def test_the_example_of_events_is_read():
    (message,) = examples("Events", "json")
    record = events.decode_json(message.encode(), EventLimits(len(message), 2, 3))
    assert record.values.shape == (2, 3)


def test_the_examples_of_file_accesses_are_read(tmp_path):
    (table,), (message,) = examples("File accesses", "csv"), examples("File accesses", "json")
    trace = read_trace(write_file(tmp_path / "trace.csv", table))
    assert (len(trace), trace.remarks) == (2, ())
    batch = accesses.decode_json(message.encode(), AccessLimits(len(message), 10))
    assert (batch.cache, batch.accesses[0].size) == ("rome", int(trace.size[0]))


def test_the_examples_of_failing_workflows_are_read():
    limits = WorkflowLimits(1 << 20, 1, 2, 1)
    (task,), (workflow,) = (
        workflow_json.decode(text.encode(), limits, 1.0).snapshots for text in examples("Failing workflows", "json")
    )
    assert (task.workflow, task.failed_jobs) == (workflow.workflow, workflow.failed_jobs) == (workflow.task, 15)
    assert None not in (*values_of(task.facts), *values_of(task.messages[0]))


def values_of(record) -> list[object]:
    return [getattr(record, field.name) for field in fields(record)]


def test_the_examples_of_popularity_and_placement_are_read(tmp_path):
    accesses, replicas, sites = examples("Popularity and placement", "csv")
    history = read_history(write_file(tmp_path / "weekly.csv", accesses), pytest.fail)
    assert history.measures["naccess"].tolist() == [[12, 7]]
    elements = read_sites(write_file(tmp_path / "sites.csv", sites))
    assert read_replicas(write_file(tmp_path / "replicas.csv", replicas), elements).names == history.names
