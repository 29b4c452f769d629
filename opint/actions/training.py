"""Training of the predictor of actions from decided cases, which become tables in order of time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from opint.actions.action import TARGETS, ActionsError, DecidedCase
from opint.actions.features import LEARNED_KINDS, Column, FeatureSpace, describe
from opint.actions.message_classes import MessageClasses
from opint.actions.model import version_of
from opint.actions.predictor import TrainedPredictor
from opint.actions.rules import apply_rules
from opint.actions.similar import past_cases
from opint.actions.site_exclusion import train_sites
from opint.actions.success import train_success
from opint.actions.target_model import DecidedCases, train_target
from streams.arrays import Float64, Indices

WEEK = 7 * 86_400.0
LEAST_CASES = 200
PRECISION = 0.95
"""Share of the predictions without abstention that is to be right."""

Progress = Callable[[str, float], None]
"""Takes the name of the step and the share done."""


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


def train_predictor(
    cases: Iterable[DecidedCase],
    precision: float = PRECISION,
    seed: int = 0,
    progress: Progress = lambda _step, _share: None,
) -> TrainedPredictor:
    """Train on all cases; raises ActionsError for too few of them."""
    progress("reading", 0.0)
    classes = MessageClasses()
    return train_on(make_examples(cases, classes), classes, precision, seed, progress)


def train_on(
    examples: Examples,
    classes: MessageClasses,
    precision: float = PRECISION,
    seed: int = 0,
    progress: Progress = lambda _step, _share: None,
) -> TrainedPredictor:
    """As :func:`train_predictor`, on tables whose messages are of the ``classes``."""
    if len(examples) < LEAST_CASES:
        raise ActionsError(f"there are {len(examples)} decided cases; training needs at least {LEAST_CASES}")
    space = FeatureSpace.of(examples.rows, LEARNED_KINDS)
    features = space.matrix(examples.rows)
    done = count(1)
    targets = {}
    for name, among in TARGETS.items():
        evidence = DecidedCases(features, examples.labels[name], examples.by_rules[name], examples.week, len(among))
        targets[name] = train_target(evidence, precision, seed)
        progress(name, next(done) / (len(TARGETS) + 2))
    sites = train_sites(examples.cases, examples.week, precision, seed)
    progress("sites", next(done) / (len(TARGETS) + 2))
    actions = [case.action for case in examples.cases]
    success = train_success(features, actions, examples.succeeded, seed)
    progress("success", 1.0)
    past = past_cases(examples.rows, examples.cases)
    parts = classes, space, targets, sites, success, past
    return TrainedPredictor(version_of(*parts), *parts)


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
