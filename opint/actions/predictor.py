"""The trained predictor of actions: what to do, how sure that is, why, and what came of it in the past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from opint.actions.action import TARGETS, Contribution, RecoveryAction, Suggestion, TargetPrediction
from opint.actions.features import LEARNED_KINDS, Column, FeatureSpace, describe
from opint.actions.message_classes import MessageClasses
from opint.actions.rules import apply_rules
from opint.actions.similar import PastCases
from opint.actions.site_exclusion import SiteModel
from opint.actions.success import SuccessModel
from opint.actions.target_model import XGBOOST, TargetModel
from streams.arrays import Float64, Indices
from streams.workflows import WorkflowFailures

LEAST_SUCCESS = 0.25
"""Where no action is at least this likely to end well, none is suggested."""
SHOWN_CONTRIBUTIONS = 8
SHOWN_TEMPLATE = 120
"""Characters of the template of a class of messages in the name of a contribution."""
BATCH = 256
"""Snapshots whose contributions are computed together; they are not sparse."""


@dataclass(frozen=True)
class TrainedPredictor:
    """Suggests by trained models; an :class:`opint.actions.action.ActionPredictor`.

    ``version`` is the digest of everything else. Messages are matched with ``classes``, which do not grow any more.
    """

    version: str
    classes: MessageClasses
    space: FeatureSpace
    targets: Mapping[str, TargetModel]
    sites: SiteModel
    success: SuccessModel | None
    past: PastCases

    def suggest(self, snapshots: Sequence[WorkflowFailures]) -> list[Suggestion]:
        """A suggestion for each, in order; codes, sites and messages it has never met count for nothing."""
        suggestions: list[Suggestion] = []
        for start in range(0, len(snapshots), BATCH):
            suggestions += self._suggest(snapshots[start : start + BATCH])
        return suggestions

    def probabilities(self, snapshots: Sequence[WorkflowFailures]) -> Mapping[str, Float64]:
        """Calibrated probabilities (n, k) by target."""
        return self._probabilities(snapshots, self.features(snapshots))

    def actions(self, snapshots: Sequence[WorkflowFailures]) -> list[RecoveryAction]:
        """The suggested actions alone, in a fraction of the time."""
        probabilities = self.probabilities(snapshots)
        best = {name: probability.argmax(axis=1) for name, probability in probabilities.items()}
        classes = [[TARGETS[name][int(place)] for place in best[name]] for name in TARGETS]
        return [
            RecoveryAction(action, memory, splitting, xrootd, sites)
            for action, memory, splitting, xrootd, sites in zip(*classes, self.sites.excluded(snapshots), strict=True)
        ]

    def features(self, snapshots: Sequence[WorkflowFailures]) -> csr_matrix:
        """What the models see of each (n, f)."""
        return self.space.matrix(self._rows(snapshots))

    def _rows(self, snapshots: Sequence[WorkflowFailures]) -> list[dict[Column, float]]:
        return [describe(snapshot, self.classes) for snapshot in snapshots]

    def _probabilities(self, snapshots: Sequence[WorkflowFailures], features: csr_matrix) -> Mapping[str, Float64]:
        rules = [apply_rules(snapshot) for snapshot in snapshots]
        by_rules = {
            name: np.array([classes.index(getattr(rule, name)) for rule in rules], dtype=np.intp)
            for name, classes in TARGETS.items()
        }
        return {name: model.probabilities(features, by_rules[name]) for name, model in self.targets.items()}

    def _suggest(self, snapshots: Sequence[WorkflowFailures]) -> list[Suggestion]:
        described = self._rows(snapshots)
        features = self.space.matrix(described)
        probabilities = self._probabilities(snapshots, features)
        predicted = [
            {name: self._target(name, probability[row]) for name, probability in probabilities.items()}
            for row in range(len(snapshots))
        ]
        excluded = self.sites.excluded(snapshots)
        actions = [_action(targets, sites) for targets, sites in zip(predicted, excluded, strict=True)]
        success = self._success(features, actions)
        contributions = self._contributions(features, probabilities["action"].argmax(axis=1))
        alike = self.past.most_alike(described)
        rows = zip(snapshots, actions, predicted, success, contributions, alike, strict=True)
        return [
            Suggestion(snapshot.digest, action, targets, chances, reasons, cases, _refusal(snapshot, chances))
            for snapshot, action, targets, chances, reasons, cases in rows
        ]

    def _target(self, name: str, probability: Float64) -> TargetPrediction:
        best = int(probability.argmax())
        model = self.targets[name]
        shares = dict(zip(TARGETS[name], map(float, probability), strict=True))
        return TargetPrediction(
            TARGETS[name][best], shares, bool(probability[best] < model.confidence), model.predictor
        )

    def _success(self, features: csr_matrix, actions: Sequence[RecoveryAction]) -> list[dict[str, float]]:
        if self.success is None:
            return [{} for _ in actions]
        names = TARGETS["action"]
        each = np.repeat(np.arange(len(actions)), len(names))
        candidates = [replace(action, action=name) for action in actions for name in names]
        chances = self.success.probabilities(features[each], candidates).reshape(-1, len(names))
        return [dict(zip(names, map(float, row), strict=True)) for row in chances]

    def _contributions(self, features: csr_matrix, label: Indices) -> list[tuple[Contribution, ...]]:
        model = self.targets["action"]
        if model.predictor != XGBOOST:
            return [()] * features.shape[0]
        added = model.calibration.slope * model.trees.contributions(features, label)[:, :-1]
        names, belongs = self._subjects
        return [_largest(names, row) for row in added @ belongs]

    @cached_property
    def _subjects(self) -> tuple[Sequence[str], csr_matrix]:
        """What features are about in words, messages by their template; and (f, s) which feature is about what."""
        templates = {str(each.number): each.template[:SHOWN_TEMPLATE] for each in self.classes.classes()}
        names: dict[str, int] = {}
        places = []
        for kind, counted in self.space.columns:
            subject = LEARNED_KINDS[kind]
            name = f"{subject} {templates.get(counted, counted) if subject == 'message' else counted}"
            places.append(names.setdefault(name, len(names)))
        belongs = csr_matrix((np.ones(len(places)), places, np.arange(len(places) + 1)), (len(places), len(names)))
        return list(names), belongs


def _largest(names: Sequence[str], added: Float64) -> tuple[Contribution, ...]:
    order = np.argsort(-np.abs(added), kind="stable")[:SHOWN_CONTRIBUTIONS]
    return tuple(Contribution(names[place], float(added[place])) for place in order if added[place])


def _action(targets: Mapping[str, TargetPrediction], excluded_sites: tuple[str, ...]) -> RecoveryAction:
    action, memory, splitting, xrootd = (targets[name].value for name in TARGETS)
    return RecoveryAction(action, memory, splitting, xrootd, excluded_sites)


def _refusal(snapshot: WorkflowFailures, success: Mapping[str, float]) -> str:
    if not snapshot.errors:
        return "no job failed"
    if success and max(success.values()) < LEAST_SUCCESS:
        best = max(success, key=success.__getitem__)
        return f"no action is likely to help: the best, {best}, ends well with a probability of {success[best]:.2f}"
    return ""
