"""Content against the detector-status bits."""

import numpy as np
import pytest

from conf.settings import DqmSettings
from dqm.core.digests import EMPTY
from dqm.core.quality import Reason
from dqm.core.state import SubsystemScores
from dqm.core.status_bits import contradicting, ready
from streams.records import Axis, Catalogue, MonitoringElement

N = 8
CATALOGUE = Catalogue.of([MonitoringElement(f"Pixel/Layer{i // 4}/me{i}", (Axis(4, 0.0, 4.0),)) for i in range(N)])


def part(digests, present=True):
    return SubsystemScores(
        CATALOGUE,
        (),
        np.full(N, present),
        np.full(N, 0.5, dtype=np.float32),
        np.empty((0, N), dtype=np.float32),
        np.full(N, digests, dtype=np.uint64),
        np.zeros(N, dtype=np.uint8),
    )


def reasons(*first):
    return np.array([*first, *[Reason.CONSISTENT] * (N - len(first))], dtype=np.uint8)


EMPTY_PART, FULL_PART = part(EMPTY), part(99)
STARVED = reasons(*[Reason.STARVED] * 5, *[Reason.LOW_STATISTICS] * 3)


@pytest.mark.parametrize(
    ("dcs", "declared"),
    [
        ({"bpix": True, "fpix": True, "tob": False}, True),
        ({"bpix": False, "fpix": False}, False),
        ({"bpix": True, "fpix": False}, None),
        ({"bpix": True}, None),
        ({}, None),
    ],
)
def test_ready_is_all_bits_or_none(dcs, declared):
    assert ready(dcs, ("bpix", "fpix")) is declared


def test_a_subsystem_without_bits_is_not_looked_at():
    assert ready({"bpix": True}, ()) is None


def test_full_although_off():
    result = contradicting(FULL_PART, reasons(Reason.DEVIATES, Reason.SUSPECT), False)
    assert result.tolist() == [False] + [True] * 7


def test_off_and_mostly_empty_is_as_it_should_be():
    assert not contradicting(FULL_PART, STARVED, False).any()


def test_empty_although_ready():
    assert np.flatnonzero(contradicting(EMPTY_PART, STARVED, True)).tolist() == [0, 1, 2, 3, 4]


def test_ready_and_not_quite_empty_is_starved_and_nothing_else():
    assert not contradicting(FULL_PART, STARVED, True).any()


def test_empty_because_nothing_is_expected_is_no_contradiction():
    assert not contradicting(EMPTY_PART, reasons(*[Reason.LOW_STATISTICS] * N), True).any()


@pytest.mark.parametrize("declared", [None, True, False])
def test_nothing_known_or_nothing_there_contradicts_nothing(declared):
    assert not contradicting(part(0, present=False), reasons(), declared).any()
    assert not contradicting(EMPTY_PART, STARVED, None).any()


def test_the_setting_names_bits_by_subsystem():
    settings = DqmSettings(status_bits="Pixel=bpix+fpix, Strips = tob")
    assert settings.bits_of("Pixel") == ("bpix", "fpix")
    assert settings.bits_of("Strips") == ("tob",)
    assert settings.bits_of("Muon") == DqmSettings().bits_of("Pixel") == ()


@pytest.mark.parametrize("wrong", ["Pixel", "Pixel=", "=bpix", "Pixel=bpix+", "Pixel=a=b"])
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValueError, match="SUBSYSTEM=BIT"):
        DqmSettings(status_bits=wrong)
