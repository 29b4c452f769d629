"""``nightshift shift`` on a real database."""

import json

from tests.opint.cli.commands import nightshift, printed, refused


def test_a_note_is_in_the_report_of_the_present_shift(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_DATABASE__URL", f"sqlite:///{tmp_path / 'n.db'}")
    nightshift("db", "upgrade")
    nightshift("shift", "note", "gas *flow* is low", "--by", "Ada")
    assert "Ada: gas *flow* is low" in printed("shift", "report")
    assert [note["actor"] for note in json.loads(printed("shift", "report", "--as", "json"))["notes"]] == ["Ada"]
    nightshift("shift", "report", "--at", "2001-01-01", "--out", tmp_path / "old.md")
    assert "# Shift 2000-12-31T23:00:00Z" in (tmp_path / "old.md").read_text()
    assert "2026-11-30T23:00:00Z" in refused("shift", "report", "--at", "yesterday")
    assert "1 to 2000" in refused("shift", "note", " ")
