"""Sites and replicas as files, and files that are not."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from opint.placement.decision import Budget, Prices, room
from opint.placement.replicas import read_replicas
from opint.placement.sites import TB, PlacementError, Rse, StorageKind, read_sites, regions
from opint.popularity.errors import TableError
from tests.support.placement import disk, replicas, tape

YAML = """
- {name: T2_DE_DESY, kind: disk, capacity_tb: 4000, free_tb: 120.5}
- {name: T1_US_FNAL_Tape, kind: tape, capacity_tb: 90000, free_tb: 1000, region: Americas}
"""
CSV = "name,kind,capacity_tb,free_tb\nT2_DE_DESY,disk,4000,120.5\n"
REPLICAS = (
    "dataset,rse,size,locked,last_read,rule_id\n"
    "/A/B-v1/AOD,T2_DE_DESY,2000000000000,false,2026-11-20,01234567-89ab-cdef-0123-456789abcdef\n"
    "/A/B-v1/AOD,T1_US_FNAL_Tape,,true,,\n"
)


def test_sites_are_read_from_yaml_and_csv(tmp_path):
    (tmp_path / "sites.yaml").write_text(YAML)
    (tmp_path / "sites.csv").write_text(CSV)
    desy, fnal = read_sites(tmp_path / "sites.yaml")
    assert desy == Rse("T2_DE_DESY", StorageKind.DISK, round(4000 * TB), round(120.5 * TB), "DE")
    assert (fnal.kind, fnal.region) == (StorageKind.TAPE, "Americas")
    assert read_sites(tmp_path / "sites.csv") == (desy,)
    assert regions([desy, fnal]) == ("DE",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {name: DESY, kind: disk, capacity_tb: 1, free_tb: 0}", "name is 'DESY'; names look like T2_DE_DESY"),
        ("- {name: T2_DE_DESY, kind: ssd, capacity_tb: 1, free_tb: 0}", "entry 1: kind is 'ssd'; it must be disk or"),
        ("- {name: T2_DE_DESY, kind: disk, capacity_tb: 1}", "entry 1: free_tb is missing"),
        ("- {name: T2_DE_DESY, kind: disk, capacity_tb: 1, free_tb: 2}", "2 TB are free; it must be 0 to its capacity"),
        ("- {name: T2_DE_DESY, kind: disk, capacity_tb: -1, free_tb: 0}", "capacity_tb is -1; a number of TB from 0"),
        ("- {name: T2_DE_DESY, kind: disk, capacity_tb: 4e15, free_tb: 0}", "capacity_tb is"),
        ("- {name: T2_DE_DESY, kind: disk, capacity_tb: .nan, free_tb: 0}", "capacity_tb is nan"),
        (YAML + "- {name: T2_DE_DESY, kind: disk, capacity_tb: 1, free_tb: 0}", "entry 3: name is 'T2_DE_DESY'; it is"),
        ("name: T2_DE_DESY", "file is dict; a list of storage elements is needed"),
        ("- DESY", "entry is 'DESY'; a mapping of"),
        ("- {name: [", "a YAML list is needed"),
        ("[]", "entries is 0"),
    ],
)
def test_wrong_sites_are_reported(tmp_path, text, message):
    path = tmp_path / "sites.yaml"
    path.write_text(text)
    with pytest.raises(TableError) as error:
        read_sites(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_replicas_are_read_from_csv_and_parquet(tmp_path):
    rses = (disk("T2_DE_DESY", 10), tape())
    (tmp_path / "replicas.csv").write_text(REPLICAS)
    parquet.write_table(
        pa.table({"dataset": ["/A/B-v1/AOD"], "rse": ["T2_DE_DESY"], "size": [2_000_000_000_000]}),
        tmp_path / "replicas.parquet",
    )
    replicas_ = read_replicas(tmp_path / "replicas.csv", rses)
    assert replicas_.names == ("/A/B-v1/AOD",)
    assert replicas_.size_bytes.tolist() == [2e12]
    assert replicas_.locked.tolist() == [False, True]
    assert replicas_.last_read.tolist() == [np.datetime64("2026-11-20").item()]
    assert replicas_.rule == ("01234567-89ab-cdef-0123-456789abcdef", "")
    assert replicas_.archived.tolist() == [True]
    assert replicas_.used_bytes.tolist() == [2e12, 2e12]
    other = read_replicas(tmp_path / "replicas.parquet", rses)
    assert (other.names, other.locked.tolist(), other.rule) == (replicas_.names, [False], ("",))
    assert np.isnat(other.last_read).all()
    assert other.last_copy.tolist() == [True]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("/A/B-v1/AOD,T2", "A,T2", "row 1: dataset is 'A'; a name looks like"),
        ("T2_DE_DESY", "T2_XX_Lost", "row 1: rse is 'T2_XX_Lost'; 2 storage elements are known"),
        ("2000000000000", "-5", "row 1: size is -5"),
        ("2000000000000", "many", "row 1: size is 'many'"),
        (",true,", ",maybe,", "row 2: locked is 'maybe'; true or false is needed"),
        ("2026-11-20", "20 Nov", "row 1: last_read is '20 Nov'"),
        ("T1_US_FNAL_Tape", "T2_DE_DESY", "row 2: replica is /A/B-v1/AOD at T2_DE_DESY; it is there twice"),
        ("rse,size", "rse,bytes", "size is missing"),
    ],
)
def test_wrong_replicas_are_reported(tmp_path, old, new, message):
    path = tmp_path / "replicas.csv"
    path.write_text(REPLICAS.replace(old, new))
    with pytest.raises(TableError) as error:
        read_replicas(path, (disk("T2_DE_DESY", 10), tape()))
    assert message in str(error.value)


def test_room_is_what_is_free_and_what_is_there_unless_the_budget_is_less():
    tb_replicas = replicas([disk("T2_DE_DESY", 10, 3), disk("T2_IT_Rome", 9, 1), tape()], [2], [(0, 0), (0, 2)])
    assert (room(tb_replicas, Budget(0.0)) / TB).tolist() == [5, 1, 0]
    assert (room(tb_replicas, Budget(0.0, rse_bytes={"T2_DE_DESY": 4e12})) / TB).tolist() == [4, 1, 0]
    with pytest.raises(PlacementError, match="T1_US_FNAL_Tape, which is no known disk"):
        room(tb_replicas, Budget(0.0, rse_bytes={"T1_US_FNAL_Tape": 1.0}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Budget(-1.0), "network budget is -1.0"),
        (lambda: Budget(float("nan")), "network budget is nan"),
        (lambda: Budget(1.0, 0), "most copies is 0"),
        (lambda: Budget(1.0, 1, {"T2_DE_DESY": -2.0}), "budget of RSE T2_DE_DESY is -2.0"),
        (lambda: Prices(remote=1.5), "price of a remote read is 1.5"),
        (lambda: Prices(storage=-1), "price of storage is -1"),
        (lambda: Prices(weeks=0), "a copy is of use for 0 weeks"),
    ],
)
def test_impossible_values_are_refused(make, message):
    with pytest.raises(PlacementError, match=message):
        make()
