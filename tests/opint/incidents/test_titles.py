"""Words and severity."""

import pytest

from dqm.core.quality import Reason
from opint.incidents import titles
from opint.incidents.families import IncidentKey, fingerprint
from opint.incidents.rule import Observation
from opint.incidents.window import FAMILY_NUMBERS, FAMILY_OF
from opint.store.evidence import Hint
from streams.records import LumisectionKey

LABELS = IncidentKey("/A/B/C", "DT", "content", "DT/Wheel-1")


@pytest.mark.parametrize(
    ("bad", "size", "p_value", "severity"),
    [
        (1, 1, 0.01, "warning"),
        (2, 4, 0.01, "critical"),
        (2, 5, 0.01, "warning"),
        (1, 12, 1e-6, "critical"),
        (1, 12, 2e-6, "warning"),
        (12, 12, None, "critical"),
    ],
)
def test_severity(bad, size, p_value, severity) -> None:
    assert titles.severity("content", bad, size, p_value) == severity


def test_a_title_names_the_subsystem_once() -> None:
    first = LumisectionKey(379415, 120)
    assert titles.histogram_title(LABELS, "dead", 3, 12, first) == (
        "DT/Wheel-1: dead channels in 3 of 12 monitoring elements since run 379415 LS 120"
    )
    assert titles.histogram_title(IncidentKey("", "DT", "missing", ""), "missing", 1, 1, first).startswith(
        "DT: no data in 1 of 1 monit"
    )


@pytest.mark.parametrize("reason", [item for item in Reason if item.alarms])
def test_every_family_has_words(reason) -> None:
    labels = IncidentKey("", "DT", reason.family, "a")
    observation = Observation(LumisectionKey(1, 0), ("a/me",))
    assert "unknown" not in titles.histogram_title(labels, titles.kind(labels, observation, {}), 1, 2, observation.key)
    assert titles.explanation(labels, observation, {}).startswith("Worst in run 1: a/me. ")
    assert FAMILY_OF[reason] == FAMILY_NUMBERS[reason.family]


def test_reasons_that_do_not_alarm_have_no_family() -> None:
    assert {int(FAMILY_OF[item]) for item in Reason if not item.alarms} == {0}
    assert len(FAMILY_NUMBERS) == 13


def test_the_kind_is_what_most_of_the_evidence_says() -> None:
    observation = Observation(LumisectionKey(1, 1), ("a", "b", "c", "d"))
    hints = {"a": Hint("hot", ""), "b": Hint("dead", ""), "c": Hint("dead", ""), "z": Hint("gain", "")}
    assert titles.kind(LABELS, observation, hints) == "dead"


def test_a_fingerprint_is_of_the_labels_alone_and_the_same_for_ever() -> None:
    assert fingerprint(LABELS) == "071d7c86a1c7dee4b73dc1863b41ed1144c746bf9d291a9b8e5cfe99ae87ca19"
    assert (
        len(
            {
                fingerprint(IncidentKey(*"abcd")),
                fingerprint(IncidentKey("a", "b", "cd", "")),
                fingerprint(IncidentKey(*"abdc")),
            }
        )
        == 3
    )
