from itertools import pairwise

import numpy as np
import pytest

from dqm.simulate.detector import Detector, generator, stream
from dqm.simulate.faults import Fault, FaultKind
from streams.records import Conditions, LumisectionKey

KEY = LumisectionKey(380_000, 40)
NORMAL = Conditions(fill=9900, pileup=52, delivered_lumi=0.4, recorded_lumi=0.38, beams_stable=True)


def simulate(detector, conditions=NORMAL, faults=(), key=KEY, seed=5):
    return {b.subsystem: b for b in detector.lumisection(key, conditions, generator(seed, key), faults)}


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.counts, second.counts, strict=True)) and np.array_equal(
        first.entries, second.entries
    )


def test_it_is_a_detector_of_four_subsystems_with_maps_and_folders(detector):
    elements = [me for catalogue in detector.catalogues.values() for me in catalogue.elements]

    assert set(detector.catalogues) == {"Pixel", "Strips", "Calo", "Muon"}
    assert 110 <= len(elements) <= 130
    assert sum(len(me.axes) == 2 for me in elements) >= 5
    assert all(me.group for me in elements)
    assert any(me.group == "Muon/Wheel-1/Sector04" for me in elements)


def test_batches_are_as_the_record_says(detector):
    for batch in simulate(detector).values():
        for block, counts in zip(batch.catalogue.blocks, batch.counts, strict=True):
            assert counts.shape == (block.stop - block.start, block.bins)
            assert counts.dtype == np.int64
            assert not counts.flags.writeable
            assert (counts >= 0).all()
        sums = np.concatenate([counts.sum(axis=1) for counts in batch.counts])
        assert np.array_equal(batch.entries, sums + batch.flow.sum(axis=1))
        assert batch.catalogue is detector.catalogues[batch.subsystem]


def test_the_order_of_asking_does_not_matter(detector):
    keys = [LumisectionKey(380_000, ls) for ls in range(1, 6)]
    forth = {x.key: x.batches for x in stream(detector, [(k, NORMAL) for k in keys], [], seed=3)}
    back = {
        x.key: x.batches for x in stream(Detector.built_in(seed=1), [(k, NORMAL) for k in reversed(keys)], [], seed=3)
    }

    for key in keys:
        assert all(same(a, b) for a, b in zip(forth[key], back[key], strict=True))
    assert not any(same(forth[a][0], forth[b][0]) for a, b in pairwise(keys))


@pytest.mark.parametrize("other", [{"seed": 6}, {"key": LumisectionKey(380_000, 41)}])
def test_seed_and_lumisection_change_the_noise(detector, other):
    assert not same(simulate(detector)["Muon"], simulate(detector, **other)["Muon"])


def test_entries_follow_recorded_luminosity(detector):
    full = simulate(detector)["Pixel"].entries
    half = simulate(detector, Conditions(fill=9900, pileup=52, recorded_lumi=0.19, beams_stable=True))["Pixel"].entries

    assert half.sum() / full.sum() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    "conditions",
    [Conditions(beams_stable=False, pileup=40, recorded_lumi=0.3), Conditions(recorded_lumi=0.0, beams_stable=True)],
    ids=["not stable", "no luminosity"],
)
def test_few_entries_without_beams(detector, conditions):
    quiet = simulate(detector, conditions)["Strips"].entries

    assert quiet.sum() < 0.02 * simulate(detector)["Strips"].entries.sum()


def test_shapes_move_smoothly_with_pileup(detector):
    def shape(pileup):
        lumi = Conditions(fill=9900, pileup=pileup, recorded_lumi=400.0, beams_stable=True)
        counts = simulate(detector, lumi)["Strips"].counts[0]
        return counts / counts.sum(axis=1, keepdims=True)

    near, far = (np.abs(shape(50) - shape(other)).sum(axis=1).mean() for other in (51, 65))

    assert near < far / 3
    assert far < 0.1


def hit(kind, detector, severity=0.5, group="Muon/Wheel0/Sector04"):
    fault = Fault(kind, "Muon", severity, KEY, LumisectionKey(380_000, 60), group=group)
    clean, broken = simulate(detector), simulate(detector, faults=[fault])
    assert all(same(clean[name], broken[name]) for name in ("Calo", "Pixel"))
    return clean["Muon"], broken["Muon"], fault


@pytest.mark.parametrize("kind", [k for k in FaultKind if k is not FaultKind.MISSING])
def test_a_fault_changes_its_targets_alone(detector, kind):
    clean, broken, fault = hit(kind, detector, severity=0.9)
    targets = {clean.catalogue.names[row] for row in fault.targets(clean.catalogue)}
    far = [
        name
        for name in clean.catalogue.names
        if abs(clean.histogram(name).sum() - broken.histogram(name).sum()) > 6 * np.sqrt(clean.histogram(name).sum())
        or np.abs(clean.histogram(name) - broken.histogram(name)).max() > 12 * np.sqrt(clean.histogram(name).max())
    ]

    assert len(targets) == 2
    assert set(far) <= targets
    assert far


def test_a_missing_element_is_not_in_the_catalogue(detector):
    clean, broken, fault = hit(FaultKind.MISSING, detector, severity=1.0)

    gone = set(clean.catalogue.names) - set(broken.catalogue.names)
    assert gone == {clean.catalogue.names[row] for row in fault.targets(clean.catalogue)}
    assert len(broken.entries) == len(broken.flow) == len(broken.catalogue) == sum(len(c) for c in broken.counts)
    assert broken.catalogue is hit(FaultKind.MISSING, detector, severity=1.0)[1].catalogue


def test_a_missing_subsystem_sends_nothing(detector):
    fault = Fault(FaultKind.MISSING, "Calo", 1.0, KEY, KEY, group="Calo")

    assert set(simulate(detector, faults=[fault])) == {"Pixel", "Strips", "Muon"}


def test_a_stuck_element_repeats_and_the_others_do_not(detector):
    fault = Fault(FaultKind.STUCK, "Muon", 1.0, KEY, LumisectionKey(380_000, 60), group="Muon/Wheel0/Sector04")
    batches = [
        simulate(detector, faults=[fault], key=LumisectionKey(380_000, ls), seed=ls)["Muon"] for ls in (40, 45, 60, 61)
    ]

    stuck, free = "Muon/Wheel0/Sector04/occupancy", "Muon/Wheel0/Sector01/occupancy"
    assert [np.array_equal(batches[0].histogram(stuck), s.histogram(stuck)) for s in batches] == [
        True,
        True,
        True,
        False,
    ]
    assert [np.array_equal(batches[0].histogram(free), s.histogram(free)) for s in batches] == [
        True,
        False,
        False,
        False,
    ]


def test_dead_channels_stay_the_same(detector):
    fault = Fault(FaultKind.DEAD, "Muon", 0.2, KEY, LumisectionKey(380_000, 60), group="Muon/Wheel0/Sector04")
    empty = [
        np.flatnonzero(
            simulate(detector, faults=[fault], key=LumisectionKey(380_000, ls))["Muon"].histogram(
                "Muon/Wheel0/Sector04/occupancy"
            )
            == 0
        ).tolist()
        for ls in (40, 47, 60)
    ]

    assert len(empty[0]) == 16
    assert empty[0] == empty[1] == empty[2]
