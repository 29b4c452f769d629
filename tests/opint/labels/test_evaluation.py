"""Figures of verdicts against labels, beside independent ones."""

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dqm.core.quality import Quality, Reason
from opint.labels.evaluation import answered, evaluate
from opint.labels.label import Flag, Label, Labels, disagreement
from opint.store.labels import Answer, VerdictSummary
from streams.keys import LumisectionKey

RNG = np.random.default_rng(1)


def verdict(run=1, ls=1, quality=Quality.GOOD, reason=Reason.CONSISTENT, p=0.5, subsystem="Muon"):
    return VerdictSummary("/A/B/C", subsystem, LumisectionKey(run, ls), quality, reason, p)


def labels(*bad_runs, last=30):
    return Labels(Label(run, 1, 999, Flag.BAD if run in bad_runs else Flag.GOOD) for run in range(1, last + 1))


def test_a_lumisection_is_as_good_as_its_worst_subsystem():
    uninspected = verdict(quality=Quality.NOT_INSPECTED, reason=Reason.LOW_STATISTICS, p=None, subsystem="Strips")
    (outcome,) = answered(labels(last=1), [verdict(p=0.1), uninspected])
    assert outcome.verdict.answer is Answer.NOT_INSPECTED
    assert outcome.surprise == pytest.approx(-math.log(0.1))
    own = Labels([Label(1, 1, 9, Flag.GOOD, "Muon")])
    assert [outcome.verdict.answer for outcome in answered(own, [verdict(), uninspected])] == [Answer.GOOD]


def test_missing_alarms_and_a_verdict_without_label_does_not_count():
    missing = verdict(quality=Quality.NOT_INSPECTED, reason=Reason.MISSING, p=None)
    outcomes = answered(labels(1, last=1), [missing, verdict(run=99)])
    assert [(outcome.verdict.answer, outcome.flag) for outcome in outcomes] == [(Answer.ALARM, Flag.BAD)]


def test_a_starved_histogram_ranks_above_all_whatever_its_content_looks_like():
    starved, unlikely = verdict(quality=Quality.BAD, reason=Reason.STARVED, p=0.4), verdict(p=1e-30)
    assert starved.surprise > unlikely.surprise
    assert verdict(quality=Quality.BAD, reason=Reason.DEVIATES, p=1e-3).surprise == pytest.approx(-math.log(1e-3))


def test_area_and_shares_are_those_of_their_definitions():
    p = RNG.uniform(size=300)
    of_runs = [
        verdict(1 + n // 10, n % 10 + 1, Quality.BAD if p[n] < 0.1 else Quality.GOOD, p=float(p[n])) for n in range(300)
    ]
    bad = [1 + n // 10 in (3, 4, 5, 6) for n in range(300)]
    result = evaluate(answered(labels(3, 4, 5, 6), of_runs), range(1, 31), np.random.default_rng(2))
    assert result.auc.value == pytest.approx(roc_auc_score(bad, -np.log(p)))
    assert result.auc.low < result.auc.value < result.auc.high
    alarm = p < 0.1
    assert result.recall.value == pytest.approx(alarm[bad].mean())
    assert result.precision.value == pytest.approx(np.array(bad)[alarm].mean())
    assert result.answers[Flag.BAD][Answer.ALARM] + result.answers[Flag.BAD][Answer.GOOD] == 40
    xs, ys = zip(*result.roc, strict=True)
    assert np.trapezoid(ys, xs) == pytest.approx(result.auc.value)


def test_runs_are_the_blocks_of_an_interval():
    """Ten lumisections that are all alike tell as much as one: more of them make no interval narrower."""

    def width(per_run):
        of_runs = [
            verdict(run, ls, Quality.BAD if run % 3 == 0 else Quality.GOOD)
            for run in range(1, 31)
            for ls in range(1, per_run + 1)
        ]
        good_alarmed = evaluate(answered(labels(), of_runs), range(1, 31), np.random.default_rng(2)).good_alarmed
        assert good_alarmed.value == pytest.approx(1 / 3)
        return good_alarmed.high - good_alarmed.low

    assert width(20) == pytest.approx(width(1), abs=0.02)


def test_certainty_has_a_limit_and_few_runs_have_no_interval():
    result = evaluate(
        answered(labels(), [verdict(run) for run in range(1, 31)]), range(1, 34), np.random.default_rng(2)
    )
    assert (result.good_alarmed.value, result.good_alarmed.low) == (0.0, 0.0)
    assert result.good_alarmed.high == pytest.approx(1 - 0.05 ** (1 / 30)), "exact binomial limit of 30 trials"
    assert (result.recall.value, result.recall.n, result.unanswered) == (None, 0, 3)
    few = evaluate(answered(labels(), [verdict(1), verdict(2)]), [1, 2], np.random.default_rng(2))
    assert (few.good_alarmed.value, few.good_alarmed.high) == (0.0, None)


def test_two_peoples_labels_bound_each_other():
    keys = [LumisectionKey(run, 1) for run in range(1, 11)]
    apart = disagreement(labels(1, 2, 3), labels(3, 4), keys)
    assert (apart.lumisections, apart.differing) == (10, 3)
    assert apart.kappa == pytest.approx((0.7 - (0.3 * 0.2 + 0.7 * 0.8)) / (1 - (0.3 * 0.2 + 0.7 * 0.8)))
    assert disagreement(labels(), labels(), keys).kappa is None
