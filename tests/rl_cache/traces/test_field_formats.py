"""Records as the field has them: XCache's g-stream and .cinfo files, vscsi block traces, formats of other packages."""

import json
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from rl_cache import extensions
from rl_cache.errors import SimulationError, TraceError
from rl_cache.traces.directories import dataset_of, directory_of
from rl_cache.traces.read import read
from rl_cache.traces.vscsi import RECORDS

CMS = "/store/mc/RunIISummer20UL18MiniAODv2/TTTo2L2Nu/MINIAODSIM/106X_v16-v1/230000/0A1B.root"
HEADER = '{"code":"g","pseq":25,"stod":1618516840,"sid":1,"src":{"site":"X","host":"h"},"gs":{"type":"C"}}'


def closed(lfn=CMS, size=1000, attach_t=1_700_000_100, **changes):
    record = {"event": "file_close", "lfn": lfn, "size": size, "blk_size": 131072, "n_blks": 8, "n_blks_done": 8}
    record |= {"access_cnt": 2, "attach_t": attach_t, "detach_t": attach_t + 50, "remotes": ["h:1094"]}
    return record | {"b_hit": 300, "b_miss": 100, "b_bypass": 0, "n_cks_errs": 0} | changes


@pytest.fixture
def log_file(tmp_path):
    def write(*lines, name="x.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
        return path

    return write


def test_closed_files_are_requests_in_the_order_of_their_opening(log_file):
    later = closed("atlas/rucio/mc16_13TeV/61/1d/EVNT.root.1", 500, 1_700_000_900)
    trace = read(log_file(HEADER, later, closed(), "not json", closed(attach_t=1_700_000_300)))
    assert [str(trace.file_name[file]) for file in trace.file] == [CMS, CMS, "/" + later["lfn"]]
    assert trace.time_s.tolist() == [1_700_000_100, 1_700_000_300, 1_700_000_900]
    assert trace.size.tolist() == [1000, 1000, 500]
    labels = [[column.names[code] for code in column.code] for column in (trace.dataset, trace.directory)]
    assert labels[0] == ["/TTTo2L2Nu/RunIISummer20UL18MiniAODv2-106X_v16-v1/MINIAODSIM", "/atlas/rucio/mc16_13TeV"]
    assert labels[1] == ["/store/mc/RunIISummer20UL18MiniAODv2", "/atlas/rucio/mc16_13TeV"]
    assert trace.remarks[0].startswith("2 lines are no records")
    assert "the cache had 75.0% of the bytes" in trace.remarks[1]


def test_missed_bytes_that_cannot_be_right_are_reported(log_file):
    trace = read(log_file(closed(access_cnt=1, b_miss=0), closed(access_cnt=1, b_miss=5), closed(b_miss=0)))
    assert any(remark.startswith("1 files were opened for the first time") for remark in trace.remarks)


def test_cinfo_files_as_xrdpfc_print_writes_them(log_file):
    access = {"record": 1, "attach": "240328:204746", "detach": "240328:204800", "B_hit[kB]": 3, "B_miss[kB]": 1}
    access["B_bypass[kB]"] = 0
    record = {"file": CMS + ".cinfo", "version": 4, "file_size": 2, "buffer_size": 1, "n_blocks": 2, "n_acc_total": 7}
    second = access | {"attach": "240329:000000"}
    trace = read(log_file(f"FILE: {CMS}.cinfo", record | {"accesses": [access, second]}, name="x.cinfo.json"))
    assert trace.time_s.tolist() == [1_711_658_866, 1_711_670_400]
    assert trace.file_name.tolist() == [CMS]
    assert trace.file_size.tolist() == [2048]
    assert any(remark.startswith("5 earlier accesses were merged") for remark in trace.remarks)


def transfer(**changes):
    """A closed file of the f-stream as the collector of the Open Science Grid writes it."""
    record = {"timestamp": 1_700_000_160_000, "start_time": 1_700_000_100_000, "end_time": 1_700_000_160_000}
    record |= {"operation_time": 60, "serverID": "1#h#1094", "server": "h", "site": "T2_IT_Rome", "user": "ada"}
    return record | {"filename": CMS, "filesize": 1000, "read": 300, "readv": 100, "write": 0} | changes


def test_closed_files_of_the_f_stream_name_who_read(log_file):
    wlcg = {"file_lfn": CMS, "fize_size": 1000, "read_bytes": 100, "start_time": 1_700_000_050, "user_dn": "/CN=Bob"}
    lost = transfer(filename="missing directory", filesize="-1")
    trace = read(log_file(transfer(), transfer(read=0, readv=0, write=7), lost, wlcg, transfer(user_dn="/CN=Ada")))
    assert trace.time_s.tolist() == [1_700_000_050, 1_700_000_100, 1_700_000_100]
    assert trace.file_name[trace.file].tolist() == [CMS] * 3
    assert [trace.user.names[code] for code in trace.user.code] == ["/CN=Bob", "ada", "/CN=Ada"]
    assert trace.remarks == (
        "jobs read 30.0% of the bytes of files that they opened; requests count whole files",
        "1 files were written and not read, which is no request",
        "1 closed files have no name, since the collector missed their opening",
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (transfer(filesize="-1"), "line 1: filesize is -1; a whole number"),
        (transfer(start_time=None), "start_time is missing"),
        ("{}", "records of accesses is none"),
        (closed(size="10"), "line 1: size is 10; a whole number"),
        (closed(b_hit=None), "b_hit is missing"),
        (closed(lfn="/"), "lfn is /; the path"),
        ({"file": "/a.cinfo", "file_size": 1, "n_acc_total": 1, "accesses": [3]}, "accesses is 3"),
        ({"dirstate_snapshot": {}}, "it holds no accesses; see `nightshift cache directories`"),
        ("x" * ((1 << 20) + 5), "over 1048576 bytes"),
    ],
)
def test_a_record_that_cannot_be_used_is_named(log_file, line, message):
    with pytest.raises(TraceError, match=message):
        read(log_file(line))


@pytest.mark.parametrize("version", RECORDS)
def test_vscsi_of_both_versions(tmp_path, version):
    records = np.zeros(4, RECORDS[version])
    records["ver"] = version << 8
    records["cmd"] = [0x28, 0x2A, 0x88, 0x28]
    records["lbn"], records["len"] = [7, 7, 2**40, 7], [512, 512, 4096, 512]
    records["ts"] = [5_000_000, 5_500_000, 6_999_999, 9_000_000]
    path = tmp_path / "x.vscsi"
    path.write_bytes(records.tobytes())
    trace = read(path)
    assert trace.time_s.tolist() == [5, 6, 9]
    assert trace.file_name[trace.file].tolist() == [7, 2**40, 7]
    assert trace.size.tolist() == [512, 4096, 512]
    assert trace.remarks == ("1 of 4 rows are no reads and not counted: other",)
    path.write_bytes(records.tobytes()[:-3])
    with pytest.raises(TraceError, match="ends inside request 3"):
        read(path)
    path.write_bytes(b"\0" * 80)
    with pytest.raises(TraceError, match="neither 1 nor 2"):
        read(path)


def test_paths_have_directories_and_datasets():
    assert directory_of("/a") == "/"
    assert directory_of("/a/b/c/d/e") == "/a/b/c"
    assert dataset_of("/store/user/ada/x.root") == ""


def points(monkeypatch, *added):
    extensions.extensions.cache_clear()
    monkeypatch.setattr(extensions, "entry_points", lambda group: [p for p in added if p.group == group])


def test_a_package_may_add_a_format(tmp_path, monkeypatch):
    points(monkeypatch, EntryPoint(".log", "rl_cache.traces.read:read_csv", "nightshift.trace_readers"))
    (tmp_path / "x.log").write_text("file\na\nb\na\n")
    assert read(tmp_path / "x.log").file.tolist() == [0, 1, 0]
    extensions.extensions.cache_clear()


def test_a_package_that_cannot_be_loaded_is_named(tmp_path, monkeypatch):
    points(monkeypatch, EntryPoint(".log", "no.such:thing", "nightshift.trace_readers"))
    with pytest.raises(SimulationError, match=r"entry point \.log of nightshift\.trace_readers"):
        read(tmp_path / "x.csv")
    extensions.extensions.cache_clear()
