"""Training another model, running it in shadow, comparing and promoting it, as a person would."""

import json
import shutil
import time

import pytest
import yaml
from typer.testing import CliRunner

from conf.errors import NightshiftError
from dqm.core.bundle_files import MANIFEST
from dqm.histograms.bundle import load
from dqm.simulate.detector import stream
from opint.cli import app
from opint.incidents.operator import confirm, dispute
from opint.store.engine import Store
from opint.store.incident_pages import page
from streams.files.arrow_file import write_recording
from tests.opint.cli.commands import WIDE, nightshift
from tests.small import LEVEL, keys, small_fault


def listed(name, *common):
    """The line of one bundle."""
    lines = [line.strip() for line in nightshift("models", "list", *common).splitlines()]
    return next(line for line in lines if line.startswith(name))


def say(site, word):
    """An operator's word on the only incident."""
    store = Store.open(f"sqlite:///{site.with_name('n.db')}")
    with store.begin() as tx:
        (only,) = page(tx, limit=9).items
        word(tx, only.id, "ana", "", time.time())
    store.close()


@pytest.fixture
def site(tmp_path, models, detector):
    """A settings file with a candidate in shadow, and a recording with one fault that raises one incident."""
    for name in ("histograms", "candidate"):
        shutil.copytree(models / "histograms", tmp_path / "models" / name)
    manifest = tmp_path / "models" / "candidate" / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"note": "another version"}))
    expected = keys(14)
    result = stream(detector, [(key, LEVEL) for key in expected], [small_fault(expected, 4, 7)], seed=2)
    write_recording(tmp_path / "some.arrow", (batch for item in result for batch in item.batches))
    settings = tmp_path / "settings.yaml"
    url = f"sqlite:///{tmp_path / 'n.db'}"
    dqm = {"models": str(tmp_path / "models"), "shadow": "candidate"}
    settings.write_text(yaml.safe_dump({"database": {"url": url}, "dqm": dqm}))
    nightshift("db", "upgrade", "--config", settings)
    return settings


def test_shadow_compare_promote(site):
    common = ("--config", site)
    assert (
        "No lumisection was judged by both"
        in CliRunner().invoke(app, ["models", "compare", "candidate", "--config", str(site)], env=WIDE).output
    )
    nightshift("score", site.with_name("some.arrow"), "--keep", *common)
    say(site, confirm)
    report = nightshift("models", "compare", "candidate", *common)
    assert "No lumisection is judged differently" in report
    assert "of 4 subsystem lumisections in incidents that operators confirmed: 4 bad now, 4 bad in shadow" in report
    candidate = load(site.with_name("models") / "candidate").version[:12]
    row = listed("candidate", *common)
    assert row.split()[1:3] == [candidate, "shadow"]
    assert row.split()[-2:] == ["0", "14"]
    assert candidate in nightshift("models", "promote", "candidate", "--by", "Ada", "--note", "the same", *common)
    row = listed("candidate", *common)
    assert row.split()[2] == "judges"
    assert row.endswith("by Ada")
    assert (
        f"candidate, version {candidate}" in CliRunner().invoke(app, ["doctor", "--config", str(site)], env=WIDE).output
    )


def test_training_hears_what_operators_say(site, tmp_path, detector):
    common = ("--config", site)
    nightshift("score", site.with_name("some.arrow"), "--keep", *common)
    good = keys(120, first_run=370_000, per_run=60)
    lumisections = [(key, LEVEL) for key in good]
    write_recording(
        tmp_path / "good.arrow", (b for item in stream(detector, lumisections, (), 1) for b in item.batches)
    )
    files = (tmp_path / "good.arrow", tmp_path / "some.arrow", "--runs", "370000-370001")
    before = load(site.with_name("models") / "histograms").version
    for word, says in (
        (dispute, "0 subsystem lumisections left out, 4 put in"),
        (confirm, "0 subsystem lumisections left out, 0 put in"),
    ):
        say(site, word)
        report = nightshift("train", "histograms", *files, "--as", "fresh", "--with-feedback", *common)
        assert says in report
    assert load(site.with_name("models") / "histograms").version == before, "the one that judges is not touched"
    assert load(site.with_name("models") / "fresh").manifest["training"]["first"] == "370000:1"
    with pytest.raises(NightshiftError, match="without slashes"):
        nightshift("train", "histograms", *files, "--as", "../fresh", *common)
