"""What suggests actions in the daemon: the trained model, with the rules of the recovery table beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from conf.settings import Settings
from opint.actions.action import ActionPredictor, RecoveryAction, Suggestion
from opint.actions.documents import made_suggestion
from opint.store.workflows import MODEL, RULES, MadeSuggestion
from streams.workflows import WorkflowFailures

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Predictors:
    """The predictor whose suggestions are shown, and the rules where these are another."""

    shown: ActionPredictor
    rules: ActionPredictor | None = None

    def suggest(self, snapshots: Sequence[WorkflowFailures]) -> list[list[MadeSuggestion]]:
        """The suggestions for each snapshot, the shown one first."""
        suggestions = [_suggested(self.shown, MODEL, snapshots)]
        if self.rules is not None:
            suggestions.append(_suggested(self.rules, RULES, snapshots))
        return [list(of_snapshot) for of_snapshot in zip(*suggestions, strict=True)]


def _suggested(predictor: ActionPredictor, name: str, snapshots: Sequence[WorkflowFailures]) -> list[MadeSuggestion]:
    """Suggestions; where the predictor fails, each snapshot by itself, so that the others get theirs.

    A snapshot is shown without a suggestion rather than not at all.
    """
    try:
        suggestions = predictor.suggest(snapshots) if snapshots else []
    except Exception as error:
        if len(snapshots) > 1:
            return [suggestion for snapshot in snapshots for suggestion in _suggested(predictor, name, [snapshot])]
        log.exception("nothing is suggested; this is a fault of nightshift", task=snapshots[0].task)
        suggestions = [_refusal(snapshots[0], f"the predictor failed: {type(error).__name__}")]
    return [made_suggestion(name, predictor.version, suggestion) for suggestion in suggestions]


def _refusal(failures: WorkflowFailures, why: str) -> Suggestion:
    return Suggestion(failures.digest, RecoveryAction("special"), {}, {}, refusal=why)


def open_predictors(settings: Settings) -> Predictors:
    """Those that the settings name; raises NightshiftError for a model that cannot be used."""
    from opint.actions.rules import RecoveryRules  # noqa: PLC0415 - only where something is suggested

    rules, folder = RecoveryRules(), settings.dqm.models / settings.actions.model
    if not folder.exists():
        return Predictors(rules)
    from opint.actions.model import load  # noqa: PLC0415 - a trained model needs XGBoost

    return Predictors(load(folder), rules)
