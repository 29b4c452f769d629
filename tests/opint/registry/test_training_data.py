"""Training data as operators have corrected them."""

from dataclasses import replace

import numpy as np
import pytest

from opint.labels.label import Flag, Label, Labels
from opint.registry.training_data import OperatorFeedback, TrainingSelection
from streams.records import Catalogue, Conditions, HistogramBatch, LumisectionKey

BATCH = HistogramBatch(
    LumisectionKey(1, 1), "/A/B/C", "Muon", Conditions(), Catalogue.of([]), (), np.empty((0, 2)), np.empty(0)
)
BATCHES = [
    replace(BATCH, key=LumisectionKey(run, ls), subsystem=subsystem)
    for run in (1, 2)
    for ls in (1, 2)
    for subsystem in ("Muon", "Strips")
]


def places(sample) -> set:
    return {(item.dataset, item.subsystem, item.key) for item in sample}


def at(run: int, ls: int, subsystem: str = "Muon") -> tuple:
    return ("/A/B/C", subsystem, LumisectionKey(run, ls))


def test_without_words_the_runs_decide() -> None:
    assert places(TrainingSelection(range(1, 2)).of(BATCHES)) == {
        at(1, ls, name) for ls in (1, 2) for name in ("Muon", "Strips")
    }


def test_a_confirmed_incident_takes_its_own_subsystem_out() -> None:
    chosen = TrainingSelection(range(9), OperatorFeedback(confirmed=frozenset({at(1, 2), at(7, 7)})))
    assert places(BATCHES) - places(chosen.of(BATCHES)) == {at(1, 2)}
    assert chosen.left_out == {at(1, 2)}, "what is not in the files was not left out"


def test_a_false_alarm_comes_in_from_any_run() -> None:
    chosen = TrainingSelection(range(1, 2), OperatorFeedback(disputed=frozenset({at(1, 1), at(2, 1, "Strips")})))
    result = places(chosen.of(BATCHES))
    assert at(2, 1, "Strips") in result
    assert at(2, 1) not in result
    assert chosen.put_in == {at(2, 1, "Strips")}, "run 1 was asked for anyway"


@pytest.mark.parametrize("runs", [range(9), range(0)])
def test_one_true_alarm_outweighs_false_ones(runs) -> None:
    both = frozenset({at(1, 1)})
    assert at(1, 1) not in places(TrainingSelection(runs, OperatorFeedback(both, both)).of(BATCHES))


def test_labels_choose_what_is_good_and_keep_what_is_bad() -> None:
    labels = Labels([Label(1, 1, 2, Flag.GOOD), Label(1, 2, 2, Flag.BAD, "Muon")])
    selection = TrainingSelection(range(9), labels=labels)
    assert places(selection.of(BATCHES)) == {at(1, 1), at(1, 1, "Strips"), at(1, 2, "Strips")}
    assert places(selection.bad) == {at(1, 2)}
    assert selection.not_good == {at(1, 2)} | {at(2, ls, name) for ls in (1, 2) for name in ("Muon", "Strips")}
