"""Decided cases as tables to learn from, in order of time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dqm.arrays import Float64, Indices
from opint.actions.action import TARGETS, ActionsError, DecidedCase
from opint.actions.features import Column, describe
from opint.actions.message_classes import MessageClasses
from opint.actions.rules import apply_rules

WEEK = 7 * 86_400.0


@dataclass(frozen=True)
class Examples:
    """Cases in order of time; ``labels`` and ``by_rules`` are the decided classes (n,) and those of the rules.

    ``rows`` are their features, ``succeeded`` (n,) is 1, 0, or NaN where that is not known, ``week`` (n,) counts weeks.
    """

    cases: Sequence[DecidedCase]
    rows: Sequence[Mapping[Column, float]]
    labels: Mapping[str, Indices]
    by_rules: Mapping[str, Indices]
    succeeded: Float64
    week: Indices

    def __len__(self) -> int:
        """How many cases."""
        return len(self.cases)


def make_examples(cases: Iterable[DecidedCase], classes: MessageClasses) -> Examples:
    """Tables of the ``cases``; their messages are sorted into the ``classes``, which grow in order of time.

    Raises ActionsError for a decision that is none of the classes of its target.
    """
    ordered = sorted(cases, key=lambda case: (case.failures.time, case.failures.digest))
    rows = []
    for case in ordered:
        for message in case.failures.messages:
            classes.classify(message.text)
        rows.append(describe(case.failures, classes))
    rules = [apply_rules(case.failures) for case in ordered]
    labels = {name: [_place(case, name) for case in ordered] for name in TARGETS}
    return Examples(
        ordered,
        rows,
        {name: np.array(places, dtype=np.intp) for name, places in labels.items()},
        {
            name: np.array([among.index(getattr(rule, name)) for rule in rules], dtype=np.intp)
            for name, among in TARGETS.items()
        },
        np.array([np.nan if case.succeeded is None else float(case.succeeded) for case in ordered]),
        np.array([case.failures.time // WEEK for case in ordered], dtype=np.intp),
    )


def split(examples: Examples, share: float) -> tuple[Examples, Examples]:
    """The earliest ``share`` of the cases, and the later ones."""
    end = int(share * len(examples))
    return _part(examples, slice(end)), _part(examples, slice(end, None))


def _part(examples: Examples, rows: slice) -> Examples:
    return Examples(
        examples.cases[rows],
        examples.rows[rows],
        {name: label[rows] for name, label in examples.labels.items()},
        {name: label[rows] for name, label in examples.by_rules.items()},
        examples.succeeded[rows],
        examples.week[rows],
    )


def _place(case: DecidedCase, target: str) -> int:
    value = getattr(case.action, target)
    if value not in TARGETS[target]:
        raise ActionsError(f"{case.failures.task}: {target} is {value!r}; known are {', '.join(TARGETS[target])}")
    return TARGETS[target].index(value)
