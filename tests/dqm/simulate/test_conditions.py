import os
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.simulate.conditions import BUNCHES, CROSS_SECTION_PB, ORBITS, from_oms, generate, luminosity
from dqm.simulate.faults import SimulationError

ROOT = Path(__file__).resolve().parents[3]
OMS = Path(os.environ.get("NIGHTSHIFT_DATA", ROOT / "../shared/data")) / "oms" / "Run2024I-v1.parquet"


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(20, 200))
def test_generated_lumisections_are_in_order_and_physical(seed, fills, stable):
    generated = list(generate(np.random.default_rng(seed), fills=fills, stable=stable))

    assert all(a < b for (a, _), (b, _) in pairwise(generated))
    assert len({at.fill for _, at in generated}) == fills
    for _, at in generated:
        assert 0 <= at.recorded_lumi <= at.delivered_lumi == luminosity(at.pileup)
        assert 0 <= at.pileup < 80
        assert not (at.beams_stable and at.pileup == 0)


def test_every_run_begins_at_lumisection_one_and_every_fill_ends_in_a_dump():
    generated = list(generate(np.random.default_rng(2), fills=5, stable=300))

    for _, run in groupby(generated, key=lambda item: item[0].run):
        assert next(key.ls for key, _ in run) == 1
    for _, group in groupby(generated, key=lambda item: item[1].fill):
        fill = list(group)
        assert (fill[0][1].beams_stable, fill[-1][1].beams_stable) == (False, False)
        pileup = [at.pileup for _, at in fill if at.beams_stable]
        assert len(pileup) >= 150
        assert np.mean(pileup[-20:]) < np.mean(pileup[:20])


def test_units_are_those_of_the_machine():
    # 2,340 bunches at pileup 60 are 2e34 /cm2/s: 0.46 /pb in 23.31 s.
    assert luminosity(60) == pytest.approx(0.46, abs=0.01)


def test_a_table_without_a_column_is_named(tmp_path):
    path = tmp_path / "RunX-v1.parquet"
    pq.write_table(pa.table({"run_number": [1]}), path)

    with pytest.raises(SimulationError, match="'lumisection_number'"):
        next(from_oms(path))


def test_a_file_that_is_no_table_is_one_clear_line(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"no")

    with pytest.raises(SimulationError, match=r"x\.parquet cannot be read") as raised:
        next(from_oms(tmp_path / "x.parquet"))
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(not OMS.exists(), reason="NIGHTSHIFT_DATA has no oms/Run2024I-v1.parquet")
def test_real_conditions_have_the_stated_units():
    everything = list(from_oms(OMS))
    good = list(from_oms(OMS, good_only=True))

    assert all(a < b for (a, _), (b, _) in pairwise(everything))
    assert 0 < len(good) < len(everything)
    assert all(at.beams_stable and at.recorded_lumi > 0 and at.era == "Run2024I" for _, at in good)
    bunches = [at.delivered_lumi / at.pileup * CROSS_SECTION_PB / ORBITS for _, at in good]
    assert np.median(bunches) == pytest.approx(BUNCHES, rel=0.01)
