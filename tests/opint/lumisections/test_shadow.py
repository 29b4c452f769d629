"""A model in shadow sees what the current one sees, raises nothing, and changes nothing."""

import shutil

import numpy as np
import pytest
from sqlalchemy import select

from conf.settings import DqmSettings, Settings
from dqm.core.quality import Quality, Reason
from dqm.histograms.bundle import load, save
from dqm.histograms.pipeline import Pipeline
from dqm.simulate.detector import stream
from dqm.simulate.faults import Fault, FaultKind
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.lumisections.shadow import Shadow
from opint.registry import comparison
from opint.registry.training_data import OperatorFeedback
from opint.store import lumisections
from opint.store.tables import evidence, incident, ls_score, ls_summary, lumisection, occurrence, shadow_summary
from streams.records import LumisectionKey
from streams.source import Message, Partition
from tests.small import LEVEL, keys

PLACE = Partition("cluster", "dqm.histograms", 0)
SETTINGS = Settings()
KEYS = keys(24)
DATASET = "/Simulated/Detector-v1/DQM"
FAULTS = [
    Fault(FaultKind.DEAD, "Muon", 0.5, KEYS[5], KEYS[9], group="Muon/Part1", seed=1),
    Fault(FaultKind.STUCK, "Strips", 1.0, KEYS[12], KEYS[18], group="Strips/Part2", seed=1),
]


def pipeline(bundle, **dqm) -> Pipeline:
    return Pipeline(bundle, DqmSettings(**dqm), SETTINGS.alerts)


@pytest.fixture(scope="module")
def bundle(models):
    return load(models / "histograms")


@pytest.fixture(scope="module")
def twin(models, tmp_path_factory):
    """The same numbers under another version."""
    folder = tmp_path_factory.mktemp("twin") / "histograms"
    shutil.copytree(models / "histograms", folder)
    original = load(folder)
    save(type(original)(**{**vars(original), "manifest": {**original.manifest, "twin": True}}), folder)
    return load(folder)


@pytest.fixture(scope="module")
def batches(detector):
    return [batch for each in stream(detector, [(key, LEVEL) for key in KEYS], FAULTS, 3) for batch in each.batches]


def judge(store, current, shadow, batches, order=None, size=6, unseen=0):
    """Write the batches to the store, ``size`` at a time; the shadow does not see the first ``unseen``."""
    peer = None if shadow is None else Shadow(shadow, SETTINGS.dqm.frozen_after - 1)
    ingest = LumisectionIngest(store, current, SETTINGS, "me", lambda: 1000.0, peer)
    ingest.claim([PLACE])
    places = list(order or range(len(batches)))
    scored = current.score(batches)
    seconds = [None] * len(batches) if shadow is None else shadow.score(batches)
    arrivals = [
        Arrival(
            Message(PLACE, offset, batches[at], {}, 999.0, ""), scored[at], seconds[at] if offset >= unseen else None
        )
        for offset, at in enumerate(places)
    ]
    for start in range(0, len(arrivals), size):
        ingest.apply(arrivals[start : start + size])
    return ingest


def everything(store, *tables):
    with store.read() as tx:
        return {table.name: sorted(map(repr, tx.execute(select(table)))) for table in tables}


def test_the_current_model_is_not_disturbed(store, bundle, twin, batches, empty_url, open_store) -> None:
    judge(store, pipeline(bundle), pipeline(twin, min_entries=5000.0), batches)
    alone = open_store(empty_url)
    alone.upgrade()
    judge(alone, pipeline(bundle), None, batches)
    tables = (lumisection, ls_summary, evidence, incident, occurrence)
    assert everything(store, *tables) == everything(alone, *tables)
    with store.read() as tx:
        versions = set(tx.scalars(select(ls_score.c.model_version)))
        assert {item.model_version for item in tx.execute(select(incident))} == {bundle.version}
    assert versions == {bundle.version, twin.version}


@pytest.mark.parametrize("order", [range(48), range(47, -1, -1), [*range(0, 48, 2), *range(1, 48, 2)]])
def test_the_same_model_in_shadow_says_the_same(store, bundle, twin, batches, order) -> None:
    judge(store, pipeline(bundle), pipeline(twin), batches, order, size=5)
    with store.begin() as tx:
        current = lumisections.load(tx, DATASET, KEYS)
        shadow = lumisections.load(tx, DATASET, KEYS, twin.version)
        pairs = comparison.read_pairs(tx, bundle.version, twin.version, range(10**9))
    assert {item.model_version for item in shadow.values()} == {twin.version}
    for key in KEYS:
        for name, verdict in current[key].verdicts.items():
            np.testing.assert_array_equal(verdict.reasons, shadow[key].verdicts[name].reasons)
            assert verdict.quality is shadow[key].verdicts[name].quality
    frozen = [key for key in KEYS if (shadow[key].verdicts["Strips"].reasons == Reason.FROZEN).any()]
    assert frozen, "what is frozen is found from the shadow's own memory"
    assert len(pairs) == 48
    assert not any(item.differs for item in pairs)


def test_what_the_shadow_has_not_seen_whole_it_does_not_judge(store, bundle, twin, batches) -> None:
    judge(store, pipeline(bundle), pipeline(twin), batches, unseen=3)
    with store.read() as tx:
        judged = {tuple(row) for row in tx.execute(select(shadow_summary.c.run, shadow_summary.c.ls))}
    assert judged == {(key.run, key.ls) for key in KEYS[2:]}


def test_late_and_timed_out_lumisections_are_judged_again(store, bundle, twin, batches) -> None:
    ingest = judge(store, pipeline(bundle), pipeline(twin), batches[:3])
    ingest.close_due(everything=True)
    with store.begin() as tx:
        before = lumisections.load(tx, DATASET, [KEYS[1]], twin.version)[KEYS[1]]
    assert (before.verdicts["Strips"].reasons == Reason.MISSING).all()
    judge(store, pipeline(bundle), pipeline(twin), batches[:4])
    with store.begin() as tx:
        after = lumisections.load(tx, DATASET, [KEYS[1]], twin.version)[KEYS[1]]
    assert (after.verdicts["Strips"].reasons == Reason.CONSISTENT).all()


def test_differences_are_counted(store, bundle, twin, batches) -> None:
    judge(store, pipeline(bundle), pipeline(twin, min_entries=1e9), batches)
    with store.read() as tx:
        pairs = comparison.read_pairs(tx, bundle.version, twin.version, range(10**9))
        assert comparison.read_pairs(tx, bundle.version, twin.version, range(5)) == []
        assert comparison.read_pairs(tx, twin.version, bundle.version, range(10**9)) == []
    muon, strips = comparison.rates(pairs)
    assert (muon.subsystem, muon.lumisections, muon.both_bad, muon.only_shadow) == ("Muon", 24, 0, 0)
    assert muon.only_current >= 5
    assert strips.not_inspected == (0, 24)
    assert muon.flagged_shadow == 0 < muon.flagged_current
    confirmed, disputed = comparison.agreement(
        pairs, OperatorFeedback(frozenset({(DATASET, "Muon", KEYS[6])}), frozenset({(DATASET, "Strips", KEYS[15])}))
    )
    assert (confirmed.lumisections, confirmed.current, confirmed.shadow) == (1, 1, 0)
    assert (disputed.lumisections, disputed.current, disputed.shadow) == (1, 1, 0)


def test_what_differs_alike_in_a_row_is_one_stretch():
    def pair(run, ls, current, shadow, flagged=1, subsystem="Muon"):
        sides = comparison.ModelVerdict(current, flagged), comparison.ModelVerdict(shadow, 0)
        return comparison.Pair(DATASET, subsystem, LumisectionKey(run, ls), *sides)

    good, bad, warning = Quality.GOOD, Quality.BAD, Quality.WARNING
    pairs = [
        *(pair(1, ls, bad, good, flagged=ls) for ls in (1, 2, 3)),
        pair(1, 4, bad, bad),
        *(pair(1, ls, bad, good) for ls in (5, 6)),
        pair(1, 7, warning, good),
        pair(1, 2, warning, good, subsystem="Calo"),
        pair(2, 8, warning, good),
    ]
    result = comparison.stretches(pairs)
    assert [(item.subsystem, item.run, item.first, item.last) for item in result] == [
        ("Muon", 1, 1, 3),
        ("Calo", 1, 2, 2),
        ("Muon", 1, 5, 6),
        ("Muon", 1, 7, 7),
        ("Muon", 2, 8, 8),
    ]
    assert result[0].current == comparison.ModelVerdict(bad, 3)
    assert comparison.stretches([]) == []
