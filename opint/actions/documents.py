"""Suggestions, actions and snapshots as they are stored, sent and typed: plain values, checked on the way in."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from opint.actions.action import TARGETS, ActionsError, RecoveryAction, Suggestion
from opint.store.workflows import MadeSuggestion
from streams.codecs.values import check_text
from streams.codecs.workflows import WorkflowLimits
from streams.codecs.workflows.json import read_report, write_snapshot
from streams.errors import DecodeError
from streams.workflows import WorkflowFailures

MOST_SITES = 200
"""Sites that an action excludes at most."""
MOST_CORES = 1024

_SUGGESTION = TypeAdapter(Suggestion)
_ACTION = TypeAdapter(RecoveryAction)
_UNLIMITED = WorkflowLimits(2**63, 1, 2**63, 2**63)
"""What is stored has been checked."""


def made_suggestion(predictor: str, version: str, suggestion: Suggestion) -> MadeSuggestion:
    """A suggestion as it is stored."""
    target = suggestion.targets.get("action")
    return MadeSuggestion(
        predictor=predictor,
        version=version,
        content=_SUGGESTION.dump_python(suggestion, mode="json"),
        action="" if suggestion.refusal else suggestion.action.action,
        probability=None if suggestion.refusal or target is None else target.probabilities.get(target.value),
        abstained=bool(target and target.abstained),
    )


def suggestion_of(content: Mapping[str, Any]) -> Suggestion:
    """The suggestion of a stored content."""
    return _SUGGESTION.validate_python(content)


def snapshot_of(task: str, content: Mapping[str, Any]) -> WorkflowFailures:
    """The snapshot of a stored content, number by number as it came."""
    return read_report({task: content}, _UNLIMITED, 0.0).snapshots[0]


def action_content(action: RecoveryAction) -> dict[str, Any]:
    """An action as it is stored."""
    content: dict[str, Any] = _ACTION.dump_python(action, mode="json")
    return content


def action_of(content: Mapping[str, Any]) -> RecoveryAction:
    """The action of a mapping, as it is stored or as a program sends it.

    Raises ActionsError naming the field that is wrong.
    """
    try:
        action = _ACTION.validate_python(content)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "action"
        raise ActionsError(f"{where} is {fault['input']!r:.80}: {fault['msg']}") from None
    for target, classes in TARGETS.items():
        if (value := getattr(action, target)) not in classes:
            raise ActionsError(f"{target} is {value!r:.80}; it can be {', '.join(classes)}")
    if len(action.excluded_sites) > MOST_SITES:
        raise ActionsError(f"excluded_sites has {len(action.excluded_sites)} sites; at most {MOST_SITES} are allowed")
    for site in action.excluded_sites:
        try:
            check_text(site, "excluded_sites")
        except DecodeError as error:
            raise ActionsError(str(error)) from None
    if action.cores is not None and not 1 <= action.cores <= MOST_CORES:
        raise ActionsError(f"cores is {action.cores}; it can be 1 to {MOST_CORES}")
    return action


def typed_action(fields: Mapping[str, str]) -> RecoveryAction:
    """The action of a form or of options: sites are separated by commas or spaces, empty fields are the default."""
    content: dict[str, Any] = {target: fields.get(target) or classes[0] for target, classes in TARGETS.items()}
    content["excluded_sites"] = tuple(dict.fromkeys(fields.get("excluded_sites", "").replace(",", " ").split()))
    cores = fields.get("cores", "").strip()
    content["cores"] = int(cores) if cores.isdecimal() and len(cores) < 6 else (cores or None)
    return action_of(content)


def handed_out(decided: Iterable[tuple[WorkflowFailures, RecoveryAction]]) -> dict[str, Any]:
    """Tasks with their errors and what is to be done, in the form of AIErrorHandling."""
    return {
        failures.task: write_snapshot(failures) | {"parameters": action.parameters()} for failures, action in decided
    }
