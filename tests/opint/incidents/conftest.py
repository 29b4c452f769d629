"""Lumisections with given verdicts."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from conf.settings import AlertSettings
from dqm.core.quality import Evidence, Quality, Reason
from dqm.core.state import LumisectionState, SubsystemScores, SubsystemVerdict
from streams.records import Axis, Catalogue, Conditions, LumisectionKey, MonitoringElement

MES = tuple(f"Muon/Sector{sector}/me{me}" for sector in (1, 2) for me in range(4))
CATALOGUE = Catalogue.of([MonitoringElement(name, (Axis(10, 0.0, 1.0),)) for name in MES])
QUALITY = {
    Reason.CONSISTENT: Quality.GOOD,
    Reason.SUSPECT: Quality.WARNING,
    Reason.DEVIATES: Quality.BAD,
    Reason.FROZEN: Quality.BAD,
}

Judge = Callable[..., LumisectionState]


def _judge(
    run: int,
    ls: int,
    reasons: Mapping[str, Reason] | None = None,
    other_reason: Reason = Reason.CONSISTENT,
    revision: int = 1,
    dataset: str = "/Muon/A/DQM",
    kind: str = "dead",
    certain: frozenset[str] = frozenset(),
) -> LumisectionState:
    report = np.array([(reasons or {}).get(name, other_reason) for name in CATALOGUE.names], dtype=np.uint8)
    bad = report == Reason.DEVIATES
    n = len(MES)
    part = SubsystemScores(
        catalogue=CATALOGUE,
        scorers=("pulls",),
        present=report != Reason.MISSING,
        p_values=np.where(bad, np.float32(1e-4), np.float32(0.5)).astype(np.float32),
        scores=np.zeros((1, n), np.float32),
        digests=np.arange(n, dtype=np.uint64),
        reasons=np.zeros(n, np.uint8),
        evidence={name: _evidence(name, kind) for name, item in zip(CATALOGUE.names, bad, strict=True) if item},
    )
    qualities = np.array([QUALITY.get(Reason(item), Quality.NOT_INSPECTED) for item in report], dtype=np.uint8)
    verdict = SubsystemVerdict(Quality(int(qualities.max())), 0.1, qualities, report, certain)
    return LumisectionState(
        dataset,
        LumisectionKey(run, ls),
        Conditions(),
        "m1",
        {"DT": part},
        1.0,
        "",
        2.0,
        "complete",
        revision,
        {"DT": verdict},
    )


def _evidence(me: str, kind: str) -> Evidence:
    return Evidence(me, Reason.DEVIATES, kind, f"bin 3 of {me} is empty", 1e-4, {}, (), (), (), (), 10.0, None, "m1")


@pytest.fixture
def judge() -> Judge:
    """``judge(run, ls, {me: reason}, other_reason=CONSISTENT)``: a closed lumisection of the subsystem DT."""
    return _judge


@pytest.fixture
def mes() -> tuple[str, ...]:
    """Names of its MEs: four in each of two folders."""
    return MES


@pytest.fixture
def rules() -> AlertSettings:
    return AlertSettings(raise_bad=2, raise_of=3, clear_good=3)
