"""The recovery of a failing workflow, and what a predictor says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from conf.errors import NightshiftError
from streams.workflows import WorkflowFailures

ACTIONS = ("acdc", "clone", "special")
"""What can be done: recover the failed jobs (ACDC), run the workflow anew, or something by hand."""

TARGETS: Mapping[str, tuple[str, ...]] = {
    "action": ACTIONS,
    "memory": ("default", "2-9k", "10-16k", "18-20k"),
    "splitting": ("default", "2-3x", "10-100x"),
    "xrootd": ("default", "enabled"),
}
"""Classes of each predicted target, the default first (memory in MB, splitting as a factor), as published in indico
587955/2937424."""

PUBLISHED_SHARES: Mapping[str, Mapping[str, float]] = {
    "action": {"acdc": 0.88, "clone": 0.10, "special": 0.02},
    "memory": {"default": 0.928, "2-9k": 0.02, "10-16k": 0.012, "18-20k": 0.04},
    "splitting": {"default": 0.986, "2-3x": 0.004, "10-100x": 0.01},
    "xrootd": {"default": 0.72, "enabled": 0.28},
}
"""Share of each class as published (indico 587955/2937424); the commonest of memory and splitting so that all is 1."""


class ActionsError(NightshiftError):
    """Decided cases, an action or a trained model cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class RecoveryAction:
    """An action with its parameters, as operators hand it to the system that runs workflows.

    ``action``, ``memory``, ``splitting`` and ``xrootd`` are classes of :data:`TARGETS`; ``excluded_sites`` are not used
    again; ``cores`` is None where it stays as it is.
    """

    action: str
    memory: str = "default"
    splitting: str = "default"
    xrootd: str = "default"
    excluded_sites: tuple[str, ...] = ()
    cores: int | None = None

    def parameters(self) -> dict[str, object]:
        """The action as ``parameters`` of AIErrorHandling; sites and cores are left out where they stay as they are."""
        parameters: dict[str, object] = {name: getattr(self, name) for name in TARGETS}
        if self.excluded_sites:
            parameters["sites"] = list(self.excluded_sites)
        if self.cores is not None:
            parameters["cores"] = self.cores
        return parameters


@dataclass(frozen=True, slots=True)
class TargetPrediction:
    """Calibrated probabilities of the classes of one target.

    ``value`` is the class suggested; ``abstained`` that its probability is below what the declared precision needs;
    ``predictor`` which method of the scoreboard it comes from (``xgboost``, ``rules``, ``majority`` …).
    """

    value: str
    probabilities: Mapping[str, float]
    abstained: bool
    predictor: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature (an error code, a site, a message class, a fact) adds to the log-odds of the suggested class."""

    feature: str
    log_odds: float


@dataclass(frozen=True, slots=True)
class SimilarCase:
    """A past case: its task, how alike it is (0 to 1), what was done, and whether that worked (None: not known)."""

    task: str
    similarity: float
    action: RecoveryAction
    succeeded: bool | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a predictor suggests for one snapshot.

    ``targets`` has a prediction for each of :data:`TARGETS`. ``success`` is the probability, by class of ``action``,
    that the workflow ends well after it. ``refusal`` says why nothing is suggested, and is empty where something is.
    """

    digest: str
    action: RecoveryAction
    targets: Mapping[str, TargetPrediction]
    success: Mapping[str, float]
    contributions: tuple[Contribution, ...] = ()
    similar: tuple[SimilarCase, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class DecidedCase:
    """A snapshot, what the operator did about it, and whether that worked (None: not known yet)."""

    failures: WorkflowFailures
    action: RecoveryAction
    succeeded: bool | None


class ActionPredictor(Protocol):
    """Suggests actions; all predictors of the scoreboard answer this way."""

    @property
    def version(self) -> str:
        """Digest of what it was trained on and how; equal versions suggest the same."""

    def suggest(self, snapshots: Sequence[WorkflowFailures]) -> list[Suggestion]:
        """A suggestion for each snapshot, in order; codes and sites it has never met are no error."""
