"""What an operator does to an incident; pages and the JSON API share it."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from fastapi import HTTPException
from sqlalchemy import Connection

from conf.errors import NightshiftError
from opint.accounts.roles import Role
from opint.incidents import acceptance
from opint.incidents.operator import acknowledge, assign, comment, confirm, dispute, reopen, resolve
from opint.store import incident_pages
from opint.store.engine import Store
from opint.stream_kinds import accepting_streams
from streams.errors import Unavailable

Action = Literal[
    "acknowledge",
    "assign",
    "resolve",
    "reopen",
    "comment",
    "confirm",
    "false-alarm",
    "accept",
    "accept-together",
    "revoke",
]
ACTIONS: tuple[Action, ...] = get_args(Action)
MOST_ACTOR = 80
MOST_TEXT = 2000
_NAMED_TEXTS: dict[Action, str] = {"comment": "The comment", "accept": "The reason", "accept-together": "The reason"}
"""By action that needs a text, what that is called."""


def _accept(tx: Connection, incident_id: int, actor: str, reason: str, now_s: float) -> None:
    acceptance.accept(tx, incident_id, actor, reason, now_s, accepting_streams())


def _accept_together(tx: Connection, incident_id: int, actor: str, reason: str, now_s: float) -> None:
    acceptance.accept_together(tx, incident_id, actor, reason, now_s, accepting_streams())


_PERFORM: dict[Action, Callable[[Connection, int, str, str, float], None]] = {
    "acknowledge": acknowledge,
    "assign": assign,
    "resolve": resolve,
    "reopen": reopen,
    "comment": comment,
    "confirm": confirm,
    "false-alarm": dispute,
    "accept": _accept,
    "accept-together": _accept_together,
    "revoke": acceptance.revoke,
}
ROLE_OF_ACTION: dict[Action, Role] = {
    "acknowledge": Role.SHIFTER,
    "assign": Role.SHIFTER,
    "resolve": Role.EXPERT,
    "reopen": Role.SHIFTER,
    "comment": Role.SHIFTER,
    "confirm": Role.EXPERT,
    "false-alarm": Role.EXPERT,
    "accept": Role.EXPERT,
    "accept-together": Role.EXPERT,
    "revoke": Role.EXPERT,
}
"""The lowest role that may perform each action, where people sign in."""


def act(
    store: Store,
    clock: Callable[[], float],
    action: Action,
    incident_id: int,
    actor: str,
    text: str,
    for_s: float | None = None,
) -> None:
    """Perform one action in one transaction; ``for_s`` is for how long an acknowledgement holds, None without end.

    Raises HTTPException: 404 for an unknown incident, 409 where its state does not allow the action, 422
    for a name or text that is empty or too long.
    """
    act_on_all(store, clock, action, [incident_id], actor, text, for_s)


def act_on_all(
    store: Store,
    clock: Callable[[], float],
    action: Action,
    incident_ids: Sequence[int],
    actor: str,
    text: str,
    for_s: float | None = None,
) -> None:
    """The same on several incidents: on all of them or, if it raises, on none."""
    what = _NAMED_TEXTS.get(action, "The comment")
    actor, text = checked_texts(actor, text, what, required=action in _NAMED_TEXTS)
    now_s = clock()
    with store.begin() as tx:
        for incident_id in incident_ids:
            if not incident_pages.exists(tx, incident_id):
                raise HTTPException(404, f"There is no incident {incident_id}.")
            try:
                if action == "acknowledge" and for_s is not None:
                    acknowledge(tx, incident_id, actor, text, now_s, now_s + for_s)
                else:
                    _PERFORM[action](tx, incident_id, actor, text, now_s)
            except Unavailable:
                raise
            except NightshiftError as error:
                raise HTTPException(409, str(error)) from error


def checked_texts(actor: str, text: str, what: str, *, required: bool) -> tuple[str, str]:
    """Who acts, and ``what`` is said with it, without space around them.

    Raises HTTPException 422 if they cannot be stored, or if the text is ``required`` and not there.
    """
    actor, text = actor.strip(), text.strip()
    check_text("Your name", actor, MOST_ACTOR, required=True)
    check_text(what, text, MOST_TEXT, required=required)
    return actor, text


def check_text(what: str, value: str, most: int, *, required: bool) -> None:
    """Raise HTTPException 422 for words that are too long, do not print, or are ``required`` and not there."""
    if required and not value:
        raise HTTPException(422, f"{what} is empty.")
    if len(value) > most:
        raise HTTPException(422, f"{what} has {len(value)} characters; at most {most} are allowed.")
    if any(not character.isprintable() and character not in "\r\n\t" for character in value):
        raise HTTPException(422, f"{what} holds characters that do not print.")
