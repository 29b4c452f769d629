"""Settings say which kinds of streams a daemon watches, and doctor looks at these."""

import sys

import pytest

from conf.errors import NightshiftError
from conf.settings import Settings
from opint.incidents.families import FAMILIES
from opint.stream_kinds import KINDS, accepting_streams, kind_of_record, watched_kinds


def test_histograms_are_always_watched_and_others_where_their_setting_says_so():
    assert [kind.name for kind in watched_kinds(Settings())] == ["histograms"]
    sections = {section: {"watch": True} for section in ("rates", "hotline", "cache", "actions")}
    assert [kind.name for kind in watched_kinds(Settings.model_validate(sections))] == list(KINDS)


def test_each_kind_has_a_topic_and_a_group_of_its_own_and_checks_both_model_and_source():
    kafka = [kind.kafka(Settings()) for kind in KINDS.values()]
    assert len({item.topic for item in kafka}) == len({item.group for item in kafka}) == len(KINDS)
    checks = [what for kind in KINDS.values() for what, _ in kind.checks(Settings())]
    assert checks == [
        *("histograms model", "histograms source", "rates model", "rates source", "events model", "events source"),
        *("accesses laboratory", "accesses source", "workflows model", "workflows source"),
    ]


def test_a_family_is_accepted_by_the_kind_whose_incidents_it_is():
    assert accepting_streams()["content"] == "histograms"
    families = [family for kind in KINDS.values() for family in kind.acceptable]
    assert len(families) == len(set(families)), "an acceptance would go to two judges"
    assert set(families) <= set(FAMILIES)


def test_what_is_no_record_is_refused_by_name():
    with pytest.raises(NightshiftError, match="str: no kind of stream"):
        kind_of_record("text")


def test_without_the_laboratory_accesses_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(NightshiftError, match=r"pip install 'nightshift\[rl\]'; or set cache.watch to false"):
        KINDS["accesses"].check_laboratory()
