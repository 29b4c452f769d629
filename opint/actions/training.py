"""Training of the predictor of actions from decided cases."""

from collections.abc import Callable, Iterable
from itertools import count

from opint.actions.action import TARGETS, ActionsError, DecidedCase
from opint.actions.examples import Examples, make_examples
from opint.actions.features import LEARNED_KINDS, FeatureSpace
from opint.actions.message_classes import MessageClasses
from opint.actions.model import version_of
from opint.actions.predictor import TrainedPredictor
from opint.actions.similar import past_cases
from opint.actions.site_exclusion import train_sites
from opint.actions.success import train_success
from opint.actions.target_model import Evidence, train_target

LEAST_CASES = 200
PRECISION = 0.95
"""Share of the predictions without abstention that is to be right."""

Progress = Callable[[str, float], None]
"""Takes the name of the step and the share done."""


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
        evidence = Evidence(features, examples.labels[name], examples.by_rules[name], examples.week, len(among))
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
