import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dqm.simulate.detector import Detector, generator
from dqm.simulate.faults import SimulationError
from dqm.simulate.templates import read
from streams.records import Conditions, LumisectionKey

ROOT = Path(__file__).resolve().parents[3]
REAL = Path(os.environ.get("NIGHTSHIFT_DATA", ROOT / "../shared/data")) / "templates" / "cms_muon_pca_2018.parquet"

GOOD = {
    "subsystem": "DT",
    "me": "t0",
    "n_bins": 4,
    "mean": [0.1, 0.4, 0.4, 0.1],
    "components": [[0.5, -0.5, 0.5, -0.5], [0.5, 0.5, -0.5, -0.5]],
    "explained_variance": [1e-4, 1e-5],
}


def template_file(folder, *rows):
    pq.write_table(pa.Table.from_pylist([GOOD | row for row in rows]), folder / "t.parquet")
    return folder / "t.parquet"


def test_a_template_keeps_name_subsystem_and_scaled_components(tmp_path):
    (template,) = read(template_file(tmp_path, {}))

    assert (template.subsystem, template.element.name, template.element.shape) == ("DT", "t0", (4,))
    assert template.base == pytest.approx(GOOD["mean"])
    assert template.modes[0] == pytest.approx(0.01 * np.array(GOOD["components"][0]))


@pytest.mark.parametrize(
    "row",
    [
        {"n_bins": 5},
        {"mean": [0.0, 0.0, 0.0, 0.0]},
        {"mean": [float("nan"), 1.0, 1.0, 1.0]},
        {"components": [[1.0, 0.0, 0.0, 0.0]]},
        {"explained_variance": [-1.0, 0.0]},
        {"explained_variance": [1.0]},
    ],
)
def test_a_row_that_contradicts_itself_is_named(tmp_path, row):
    with pytest.raises(SimulationError, match="row 1"):
        read(template_file(tmp_path, {}, row))


def test_a_lacking_column_and_an_empty_file_are_named(tmp_path):
    pq.write_table(pa.table({"me": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(SimulationError, match="subsystem"):
        read(tmp_path / "a.parquet")
    pq.write_table(pa.Table.from_pylist([GOOD]).slice(0, 0), tmp_path / "b.parquet")
    with pytest.raises(SimulationError, match="0 rows"):
        read(tmp_path / "b.parquet")


def test_a_lacking_file_is_one_clear_line(tmp_path):
    with pytest.raises(SimulationError, match="cannot be read"):
        read(tmp_path / "none.parquet")


@pytest.mark.skipif(not REAL.exists(), reason="NIGHTSHIFT_DATA has no templates/cms_muon_pca_2018.parquet")
def test_the_real_templates_make_a_detector():
    detector = Detector.from_templates(REAL)
    at = Conditions(fill=9900, pileup=50, recorded_lumi=0.4, beams_stable=True)
    key = LumisectionKey(1, 1)
    batches = detector.lumisection(key, at, generator(1, key))

    assert {b.subsystem: len(b.catalogue) for b in batches} == {"DT": 730, "CSC": 90, "RPC": 24, "EMTF": 2}
    (t0,) = (t for t in read(REAL) if t.element.name == "T0_FromSegm_W-1_Sec12_St3")
    counts = next(b for b in batches if b.subsystem == "DT").histogram(t0.element.name)
    assert np.abs(counts / counts.sum() - t0.base).sum() < 0.3
