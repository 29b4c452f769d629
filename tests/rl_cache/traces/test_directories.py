"""XCache's sums of directories: paths from parents, shares of hits, and what is refused."""

import json
import math

import pytest
from typer.testing import CliRunner

from opint.cli.main import app
from rl_cache.errors import TraceError
from rl_cache.traces.directories import read_directory_sums


def entry(name, parent, blocks=0, files=0, hit=0, missed=0):
    stats = {"m_NumIos": 1, "m_BytesHit": hit, "m_BytesMissed": missed, "m_BytesBypassed": 0}
    return {
        "m_dir_name": name,
        "m_stats": stats,
        "m_usage": {"m_StBlocks": blocks, "m_NFiles": files},
        "m_parent": parent,
    }


SNAPSHOT = {
    "m_usage_update_time": 1_700_000_000,
    "m_dir_states": [
        entry("", -1, 60, 7),
        entry("store", 0, 50, 5, 300, 100),
        entry("mc", 1, 30, 3, 0, 0),
        entry("user", 0, 10, 2, 0, 50),
    ],
}


@pytest.fixture
def snapshot(tmp_path):
    def write(content):
        path = tmp_path / "dirstats.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.mark.parametrize("content", [SNAPSHOT, {"dirstate_snapshot": SNAPSHOT}])
def test_directories_have_paths_and_shares_of_hits(snapshot, content):
    sums = {directory.path: directory for directory in read_directory_sums(snapshot(content))}
    assert list(sums) == ["/", "/store", "/store/mc", "/user"]
    assert (sums["/store"].disk_bytes, sums["/store"].files, sums["/store"].hit_share) == (25_600, 5, 0.75)
    assert math.isnan(sums["/store/mc"].hit_share)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON"),
        ([1], "m_dir_states is missing"),
        ({"m_dir_states": [entry("", -1), entry("a", 1)]}, "m_parent of entry 1 is 1"),
        ({"m_dir_states": [entry(3, -1)]}, "m_dir_name of entry 0 is 3"),
        ({"m_dir_states": [entry("", -1, hit=-1)]}, "m_BytesHit is -1"),
        ({"m_dir_states": [{"m_dir_name": "", "m_parent": -1}]}, "m_stats and m_usage is missing"),
    ],
)
def test_what_is_no_snapshot_is_refused(snapshot, content, message):
    with pytest.raises(TraceError, match=message):
        read_directory_sums(snapshot(content))


def test_the_command_shows_them(snapshot):
    run = CliRunner().invoke(app, ["cache", "directories", str(snapshot(SNAPSHOT)), "--json"])
    assert run.exit_code == 0, run.output
    rows = json.loads(run.stdout)
    assert rows[1] == {
        "path": "/store",
        "disk_bytes": 25_600,
        "files": 5,
        "hit_bytes": 300,
        "missed_bytes": 100,
        "bypassed_bytes": 0,
    }
