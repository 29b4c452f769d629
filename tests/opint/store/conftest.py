"""Lumisections to store."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dqm.core.quality import Certified, Evidence, Quality, Reason, WorstBin, WorstFeature
from dqm.core.state import LumisectionState, SubsystemScores, SubsystemVerdict
from streams.records import Axis, Catalogue, Conditions, LumisectionKey, MonitoringElement

MakeState = Callable[..., LumisectionState]


def _catalogue(n: int) -> Catalogue:
    return Catalogue.of(
        [MonitoringElement(f"Muon/Sector{i // 12:02}/me{i:04}", (Axis(10 + i % 3, 0.0, 1.0),)) for i in range(n)]
    )


def _evidence(me: str, p_value: float = 1e-4) -> Evidence:
    return Evidence(
        me=me,
        reason=Reason.DEVIATES,
        kind="dead",
        sentence="bins 3 to 5 are empty",
        p_value=p_value,
        scores={"pulls": 4.5},
        axes=(Axis(3, 0.0, 3.0, "x", edges=(0.0, 1.0, 2.5, 3.0)),),
        counts=(1.0, 0.0, 3.0),
        reference=(1.1, 2.0, 2.9),
        pulls=(-0.1, -4.5, 0.1),
        entries=4.0,
        expected_entries=None,
        model_version="m1",
        worst_bins=(WorstBin(1, 0.0, 2.0, -4.5),),
        worst_features=(WorstFeature("median", 0.5, 0.4, 30.0, 0.2),),
        certified=Certified(12.5, 0.4, 0.002),
    )


@pytest.fixture
def evidence_of() -> Callable[..., Evidence]:
    return _evidence


@pytest.fixture
def make_state() -> MakeState:
    """``make(run, ls, sizes={subsystem: MEs}, seed=0, closed=False)``: a state with random content."""
    catalogues: dict[int, Catalogue] = {}

    def make(
        run: int,
        ls: int,
        sizes: dict[str, int] | None = None,
        seed: int = 0,
        closed: bool = False,
        dataset: str = "/A/B/C",
    ):
        random = np.random.default_rng([seed, run, ls])
        parts = {}
        for name, n in (sizes or {"DT": 5, "CSC": 3}).items():
            catalogue = catalogues.setdefault(n, _catalogue(n))
            parts[name] = SubsystemScores(
                catalogue=catalogue,
                scorers=("pulls", "autoencoder"),
                present=random.random(n) < 0.9,
                p_values=random.random(n).astype(np.float32),
                scores=random.normal(size=(2, n)).astype(np.float32),
                digests=random.integers(0, 2**64, n, dtype=np.uint64),
                reasons=np.zeros(n, dtype=np.uint8),
            )
        conditions = Conditions(fill=9000 + run, pileup=55.5, beams_stable=True, dcs={"DT": True})
        state = LumisectionState(dataset, LumisectionKey(run, ls), conditions, "m1", parts, 1000.0 + ls, f"t[{ls % 2}]")
        if not closed:
            return state
        verdicts = {
            name: SubsystemVerdict(
                Quality.GOOD,
                0.4,
                np.full(len(part.catalogue), Quality.GOOD, np.uint8),
                np.zeros(len(part.catalogue), np.uint8),
            )
            for name, part in parts.items()
        }
        return replace(state, closed_s=2000.0 + ls, closed_because="complete", revision=1, verdicts=verdicts)

    return make
