"""Closing a lumisection."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from conf.settings import DqmSettings
from dqm.core.assembly import merge
from dqm.core.combination import SubsystemOpinion
from dqm.core.digests import EMPTY
from dqm.core.quality import Certified, Quality, Reason
from dqm.core.state import ScoredBatch, SubsystemScores
from dqm.core.verdicts import Judge, WholeTest, close
from streams.records import Axis, Catalogue, Conditions, LumisectionKey, MonitoringElement

SETTINGS = DqmSettings()
N = 40
NAMES = tuple(f"Muon/Sector{i // 4}/me{i:02}" for i in range(N))
CATALOGUE = Catalogue.of([MonitoringElement(name, (Axis(4, 0.0, 4.0),)) for name in NAMES])
CALO = Catalogue.of([MonitoringElement(f"Calo/HB/me{i}", (Axis(4, 0.0, 4.0),)) for i in range(3)])
EXPECTED = {"Muon": CATALOGUE}
STABLE = Conditions(beams_stable=True)


@dataclass(frozen=True)
class Content:
    catalogue: str
    digests: np.ndarray


def judge(expected=EXPECTED, folder_p=1e-3):
    return Judge(expected, {}, folder_p)


def state(p_values=None, reasons=None, present=None, digests=None, conditions=STABLE, catalogue=CATALOGUE):
    n = len(catalogue)
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 1, n) if p_values is None else p_values
    scores = SubsystemScores(
        catalogue=catalogue,
        scorers=("pull",),
        present=np.ones(n, dtype=bool) if present is None else present,
        p_values=np.asarray(p, dtype=np.float32),
        scores=np.ones((1, n), dtype=np.float32),
        digests=np.arange(1, n + 1, dtype=np.uint64) if digests is None else digests,
        reasons=np.zeros(n, dtype=np.uint8) if reasons is None else np.asarray(reasons, dtype=np.uint8),
    )
    batch = ScoredBatch(LumisectionKey(1, 1), "/A/B/C", "Muon", conditions, "m1", scores)
    return merge(None, batch, 0.0).state


def p_values(changes):
    p = np.linspace(0.05, 1, N)
    for row, value in changes.items():
        p[row] = value
    return p


def closed(item, history=None, use=None, settings=SETTINGS):
    return close(item, history or {}, use or judge(), settings, 5.0, "complete")


def test_a_good_lumisection_is_good():
    result = closed(state())
    assert (result.revision, result.closed_s, result.closed_because) == (1, 5.0, "complete")
    assert result.verdicts["Muon"].quality == Quality.GOOD
    assert (result.verdicts["Muon"].qualities == Quality.GOOD).all()
    assert result.verdicts["Muon"].p_value > 0.05


def test_bad_needs_both_tests():
    """Row 0: a discovery in a bad folder. With a stricter folder only the discovery is left, and the reverse."""
    item = state(p_values({0: 1e-5}))
    assert closed(item).verdicts["Muon"].reasons[0] == Reason.DEVIATES
    assert closed(item, use=judge(folder_p=1e-9)).verdicts["Muon"].reasons[0] == Reason.SUSPECT
    strict = DqmSettings(false_discovery_rate=1e-5)
    assert closed(item, settings=strict).verdicts["Muon"].reasons[0] == Reason.SUSPECT
    assert closed(item).verdicts["Muon"].quality == Quality.BAD


def test_a_bad_folder_does_not_condemn_its_good_elements():
    verdict = closed(state(p_values({0: 1e-6}))).verdicts["Muon"]
    assert verdict.reasons[0] == Reason.DEVIATES
    assert (verdict.reasons[1:4] == Reason.CONSISTENT).all()


def test_discoveries_are_counted_over_all_subsystems():
    """0.002 among 40 is no discovery; among 40 with 30 others as small it is."""
    alone = closed(state(p_values({0: 2e-3})), use=judge(folder_p=1e-2)).verdicts["Muon"].reasons[0]
    many = closed(state(p_values(dict.fromkeys(range(31), 2e-3))), use=judge(folder_p=1e-2)).verdicts["Muon"].reasons[0]
    assert (alone, many) == (Reason.SUSPECT, Reason.DEVIATES)


def test_smaller_p_values_never_make_anything_better():
    rng = np.random.default_rng(1)
    for _ in range(50):
        p = rng.uniform(0, 1, N) ** 4
        row = int(rng.integers(N))
        before = closed(state(p)).verdicts["Muon"].qualities
        p[row] /= 10
        after = closed(state(p)).verdicts["Muon"].qualities
        assert (after >= before).all()


def test_expected_elements_that_did_not_come_are_missing():
    present = np.ones(N, dtype=bool)
    present[5] = False
    verdict = closed(state(present=present)).verdicts["Muon"]
    assert verdict.reasons[5] == Reason.MISSING
    assert verdict.qualities[5] == Quality.NOT_INSPECTED
    assert verdict.quality == Quality.GOOD


def test_a_missing_subsystem_is_made_and_missing():
    result = closed(state(), use=judge({"Muon": CATALOGUE, "Calo": CALO}))
    assert (result.verdicts["Calo"].reasons == Reason.MISSING).all()
    assert result.verdicts["Calo"].quality == Quality.NOT_INSPECTED
    assert np.isnan(result.verdicts["Calo"].p_value)
    assert not result.parts["Calo"].present.any()


def test_a_late_part_can_be_merged_into_what_closing_made():
    first = closed(state(), use=judge({"Muon": CATALOGUE, "Calo": CALO}))
    late = replace(state(catalogue=CALO).parts["Muon"])
    merged = merge(first, ScoredBatch(first.key, first.dataset, "Calo", STABLE, "m1", late), 1.0)
    assert merged.changed
    again = closed(merged.state, use=judge({"Muon": CATALOGUE, "Calo": CALO}))
    assert again.revision == 2
    assert (again.verdicts["Calo"].reasons == Reason.CONSISTENT).all()


def test_nothing_is_missing_without_stable_beams():
    unstable = Conditions(beams_stable=False)
    none = np.full(N, Reason.NO_STABLE_BEAMS)
    result = closed(state(reasons=none, conditions=unstable), use=judge({"Muon": CATALOGUE, "Calo": CALO}))
    for verdict in result.verdicts.values():
        assert (verdict.reasons == Reason.NO_STABLE_BEAMS).all()
        assert verdict.quality == Quality.NOT_INSPECTED


@pytest.mark.parametrize("reason", [Reason.LOW_STATISTICS, Reason.NO_MODEL, Reason.WRONG_SHAPE, Reason.RESOLUTION])
def test_what_was_not_inspected_is_never_good(reason):
    reasons = np.zeros(N)
    reasons[3] = reason
    verdict = closed(state(p_values({3: np.nan}), reasons=reasons)).verdicts["Muon"]
    assert verdict.reasons[3] == reason
    assert verdict.qualities[3] == Quality.NOT_INSPECTED


def test_far_too_few_entries_are_bad():
    reasons = np.zeros(N)
    reasons[3] = Reason.STARVED
    assert closed(state(p_values({3: np.nan}), reasons=reasons)).verdicts["Muon"].qualities[3] == Quality.BAD


def before(digests, catalogue=CATALOGUE):
    return Content(catalogue.digest, digests)


def test_the_same_content_as_in_all_earlier_lumisections_is_frozen():
    now = np.arange(1, N + 1, dtype=np.uint64)
    earlier = now + np.uint64(1000)
    earlier[[2, 7]] = now[[2, 7]]
    changed = earlier.copy()
    changed[7] = 77
    result = closed(state(digests=now), {"Muon": [before(earlier), before(changed)]})
    assert np.flatnonzero(result.verdicts["Muon"].reasons == Reason.FROZEN).tolist() == [2]
    assert result.verdicts["Muon"].qualities[2] == Quality.BAD
    evidence = result.parts["Muon"].evidence[NAMES[2]]
    assert (evidence.reason, evidence.kind) == (Reason.FROZEN, "stuck")


def test_what_deviates_and_repeats_any_earlier_lumisection_is_frozen_at_once():
    now = np.arange(1, N + 1, dtype=np.uint64)
    earlier = now + np.uint64(1000)
    earlier[[2, 7]] = now[[2, 7]]
    for history in ([before(earlier)], [before(now + np.uint64(1)), before(earlier)]):
        verdict = closed(state(p_values({2: 1e-9, 4: 1e-9}), digests=now), {"Muon": history}).verdicts["Muon"]
        assert [Reason(reason) for reason in verdict.reasons[[2, 4, 7]]] == [
            Reason.FROZEN,
            Reason.DEVIATES,
            Reason.CONSISTENT,
        ]


def test_too_short_a_history_freezes_nothing():
    now = np.arange(1, N + 1, dtype=np.uint64)
    assert not (closed(state(digests=now), {"Muon": [before(now)]}).verdicts["Muon"].reasons == Reason.FROZEN).any()


def test_empty_scarce_and_absent_histograms_do_not_freeze():
    now = np.arange(1, N + 1, dtype=np.uint64)
    now[0] = EMPTY
    reasons = np.zeros(N)
    reasons[1] = Reason.LOW_STATISTICS
    present = np.ones(N, dtype=bool)
    present[2] = False
    verdict = closed(
        state(digests=now, reasons=reasons, present=present), {"Muon": [before(now), before(now)]}
    ).verdicts["Muon"]
    assert (verdict.reasons[[0, 1, 2]] != Reason.FROZEN).all()
    assert (verdict.reasons[3:] == Reason.FROZEN).all()


def test_another_catalogue_says_nothing_about_freezing():
    now = np.arange(1, N + 1, dtype=np.uint64)
    past = [before(now, CALO), before(now, CALO)]
    assert not (closed(state(digests=now), {"Muon": past}).verdicts["Muon"].reasons == Reason.FROZEN).any()


def test_closing_is_pure_and_repeatable():
    item = state(p_values({0: 1e-6}))
    first, second = closed(item), closed(item)
    assert item.revision == 0
    assert not item.verdicts
    np.testing.assert_array_equal(first.verdicts["Muon"].reasons, second.verdicts["Muon"].reasons)
    assert closed(first).revision == 2


@dataclass(frozen=True)
class Says:
    """A scorer of the whole subsystem that always says the same."""

    p_value: float
    rows: tuple = (5, 6)

    def opinion(self, part, _conditions):
        shares = np.zeros(len(part.catalogue))
        shares[list(self.rows)] = 2.0
        return SubsystemOpinion(self.p_value, shares, Certified(9.0, 0.5, self.p_value))


def certified(says, limit=1e-3):
    return replace(judge(), whole=(WholeTest({"Muon": says}, limit),))


def test_what_only_the_whole_condemns_is_named_and_explained():
    result = closed(state(), use=certified(Says(1e-5)))
    verdict = result.verdicts["Muon"]
    assert np.flatnonzero(verdict.reasons == Reason.DEVIATES).tolist() == [5, 6]
    assert verdict.quality == Quality.BAD
    assert verdict.p_value < 1e-4
    evidence = result.parts["Muon"].evidence[NAMES[5]]
    assert (evidence.reason, evidence.kind) == (Reason.DEVIATES, "pattern")
    assert "50%" in evidence.sentence
    assert evidence.certified == Certified(9.0, 0.5, 1e-5)
    assert len(result.parts["Muon"].evidence) == 2


def test_above_its_threshold_or_without_one_the_whole_condemns_nothing():
    assert closed(state(), use=certified(Says(2e-3))).verdicts["Muon"].quality == Quality.GOOD
    assert closed(state(), use=certified(Says(1e-9), limit=0.0)).verdicts["Muon"].quality == Quality.GOOD


def test_an_element_that_is_bad_by_itself_tells_more_than_the_whole():
    result = closed(state(p_values({0: 1e-6})), use=certified(Says(1e-9)))
    assert np.flatnonzero(result.verdicts["Muon"].reasons == Reason.DEVIATES).tolist() == [0]
    assert NAMES[5] not in result.parts["Muon"].evidence


def test_the_whole_never_speaks_for_what_did_not_come_or_was_not_inspected():
    present = np.ones(N, dtype=bool)
    present[5] = False
    reasons = np.zeros(N)
    reasons[6] = Reason.LOW_STATISTICS
    verdict = closed(state(present=present, reasons=reasons), use=certified(Says(1e-9, (5, 6, 7)))).verdicts["Muon"]
    assert verdict.reasons[[5, 6, 7]].tolist() == [Reason.MISSING, Reason.LOW_STATISTICS, Reason.DEVIATES]


def test_closing_again_writes_the_same_evidence():
    first = closed(state(), use=certified(Says(1e-5)))
    again = closed(first, use=certified(Says(1e-5)))
    for item, other in zip(first.parts["Muon"].evidence.values(), again.parts["Muon"].evidence.values(), strict=True):
        assert replace(item, entries=0.0) == replace(other, entries=0.0)


def test_what_scoring_saw_is_kept_when_the_whole_condemns():
    item = closed(state(), use=certified(Says(1e-5)))
    scored = replace(
        item.parts["Muon"].evidence[NAMES[5]], reason=Reason.SUSPECT, kind="dead", sentence="Bin 3 is empty."
    )
    part = replace(item.parts["Muon"], evidence={NAMES[5]: scored})
    for _ in range(2):
        item = closed(replace(item, parts={"Muon": part}), use=certified(Says(1e-5)))
        part = item.parts["Muon"]
        result = part.evidence[NAMES[5]]
        assert (result.reason, result.kind) == (Reason.DEVIATES, "dead")
        assert result.sentence.startswith("Bin 3 is empty. All monitoring")
        assert result.sentence.count("All monitoring") == 1


def test_without_stable_beams_the_whole_is_not_asked():
    none = np.full(N, Reason.NO_STABLE_BEAMS)
    result = closed(state(reasons=none, conditions=Conditions(beams_stable=False)), use=certified(Says(1e-9)))
    assert np.isnan(result.verdicts["Muon"].p_value) or result.verdicts["Muon"].quality == Quality.NOT_INSPECTED
    assert not (result.verdicts["Muon"].reasons == Reason.DEVIATES).any()


def test_content_against_the_status_bits_is_named():
    settings = DqmSettings(status_bits="Muon=dt")
    off = Conditions(beams_stable=True, dcs={"dt": False})
    verdict = closed(state(conditions=off), settings=settings).verdicts["Muon"]
    assert (verdict.reasons == Reason.CONTRADICTS_STATUS).all()
    assert verdict.quality == Quality.NOT_INSPECTED
    assert closed(state(conditions=off)).verdicts["Muon"].quality == Quality.GOOD


def test_only_what_is_unlikely_enough_alone_is_certain():
    records = replace(judge(), record_p=1e-6)
    both = close(state(p_values({0: 1e-5, 1: 1e-5, 20: 1e-9})), {}, records, SETTINGS, 1.0, "complete").verdicts["Muon"]
    assert both.qualities[0] == both.qualities[20] == Quality.BAD
    assert both.certain == {"Muon/Sector5"}


@pytest.mark.parametrize(("record_p", "certain"), [(1e-3, frozenset()), (1e-2, {"Muon/Sector1"})])
def test_what_only_the_whole_condemns_is_certain_by_the_threshold_of_the_whole(record_p, certain):
    class Opinion:
        def opinion(self, part, _conditions):
            shares = np.zeros(len(part.catalogue))
            shares[5] = 1.0
            return SubsystemOpinion(5e-3, shares)

    records = replace(judge(), whole=(WholeTest({"Muon": Opinion()}, 0.01, record_p),), record_p=0.0)
    verdict = close(state(), {}, records, SETTINGS, 1.0, "complete").verdicts["Muon"]
    assert verdict.reasons[5] == Reason.DEVIATES
    assert verdict.certain == certain
