"""Signing in: passwords, sessions, API tokens, and limits on how often somebody may try.

Passwords are hashed with argon2id (RFC 9106, the low-memory profile of argon2-cffi). A wrong name costs the same time
as a wrong password. A session has a new random token, so that one planted in a browser before is worth nothing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from conf.errors import NightshiftError
from opint.accounts.roles import Identity, Role
from opint.store import accounts
from opint.store.accounts import Account, NewAccount, SignInEvent
from opint.store.engine import Store

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
"""Characters; hashing must not become a way to keep the page busy."""

WINDOW_S = 900.0
"""For how long refused attempts count."""
MOST_OF_NAME_AND_ADDRESS = 5
MOST_OF_ADDRESS = 30
MOST_OF_NAME = 100
"""Refused attempts within the window, after which all are refused; a name is not locked by one address alone."""

TOKEN_PREFIX = "nst_"  # noqa: S105 - what tokens begin with, so that scanners of secrets know them
USE_NOTED_S = 60.0
"""How exactly the last use of a token is kept."""

WRONG = "The name or the password is wrong."
LOCKED = "Too many attempts were refused. Wait a quarter of an hour, or ask an administrator."


class SignInRefusedError(NightshiftError):
    """Somebody may not sign in; the message is for them."""


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher, profiles  # noqa: PLC0415 - only who signs in needs it

    return PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


@cache
def _hash_of_nobody() -> str:
    return _hasher().hash(secrets.token_hex(16))


def hash_password(password: str) -> str:
    """The hash to store; raises SignInRefusedError for a password of a length that is not allowed."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise SignInRefusedError(
            f"the password has {len(password)} characters; write {SHORTEST_PASSWORD} to {LONGEST_PASSWORD}"
        )
    return _hasher().hash(password)


def check_password(store: Store, name: str, password: str, address: str, now_s: float) -> Account:
    """The account that a name and a password belong to.

    Raises SignInRefusedError, and keeps the attempt, where they are wrong or there were too many attempts.
    """
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - as above

    with store.read() as tx:
        refused = accounts.refusals(tx, name, address, now_s - WINDOW_S)
        stored = accounts.of_name(tx, name)
    if refused.both >= MOST_OF_NAME_AND_ADDRESS or refused.address >= MOST_OF_ADDRESS or refused.name >= MOST_OF_NAME:
        _note(store, SignInEvent(now_s, name, "locked", address, "too many refused attempts"))
        raise SignInRefusedError(LOCKED)
    hashed = stored.password_hash if stored is not None and stored.disabled_s is None else None
    try:
        _hasher().verify(hashed or _hash_of_nobody(), password[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        hashed = None
    if stored is None or hashed is None or len(password) > LONGEST_PASSWORD:
        _note(store, SignInEvent(now_s, name, "refused", address, "wrong name or password"))
        raise SignInRefusedError(WRONG)
    return stored


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a proxy or a provider (``origin``) vouches for; ``subject`` is what it knows the person by."""

    name: str
    real_name: str
    role: Role
    origin: str
    subject: str


def admit(store: Store, person: Person, now_s: float) -> Account:
    """The account of a person who signs in elsewhere, made or brought up to date.

    Raises SignInRefusedError if it is disabled, or if the name belongs to somebody else.
    """
    with store.read() as tx:
        stored = accounts.of_subject(tx, person.origin, person.subject)
    if stored is not None and stored.disabled_s is not None:
        raise SignInRefusedError("This account is disabled; ask an administrator.")
    if stored is not None and (stored.real_name, stored.role) == (person.real_name, person.role.label):
        return stored
    with store.begin() as tx:
        if stored is not None:
            accounts.change(tx, stored.name, real_name=person.real_name, role=person.role.label)
        elif accounts.of_name(tx, person.name) is not None:
            raise SignInRefusedError(f"The name {person.name[:80]!r} belongs to another account; ask an administrator.")
        else:
            new = NewAccount(person.name, person.real_name, person.role.label, person.origin, person.subject)
            accounts.create(tx, new, now_s)
        admitted = accounts.of_subject(tx, person.origin, person.subject)
    assert admitted is not None  # noqa: S101 - it was stored in this transaction
    return admitted


def open_session(store: Store, owner: Account, address: str, hours: float, now_s: float) -> str:
    """A new session's token, for the browser's cookie."""
    token = secrets.token_urlsafe(32)
    with store.begin() as tx:
        accounts.open_session(tx, fingerprint(token), owner, address, now_s, now_s + hours * 3600)
        accounts.note(tx, SignInEvent(now_s, owner.name, "signed-in", address, owner.origin))
    return token


def close_session(store: Store, token: str, name: str, address: str, now_s: float) -> None:
    """End a session."""
    with store.begin() as tx:
        accounts.close_session(tx, fingerprint(token))
        accounts.note(tx, SignInEvent(now_s, name, "signed-out", address, ""))


def identify_session(store: Store, token: str, now_s: float) -> Identity | None:
    """Who has a session; None if it is over or never was."""
    with store.read() as tx:
        owner = accounts.of_session(tx, fingerprint(token), now_s)
    return Identity(owner.name, owner.real_name, Role.of(owner.role)) if owner else None


def create_token(store: Store, name: str, label: str, role: Role, days: float, now_s: float) -> str:
    """A new API token of an account, to be shown once.

    Raises SignInRefusedError if there is no such account, or if the role is above its own.
    """
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with store.begin() as tx:
        owner = accounts.of_name(tx, name)
        if owner is None or owner.disabled_s is not None:
            raise SignInRefusedError(f"there is no account {name!r} that may sign in; see `nightshift users list`")
        if role > Role.of(owner.role):
            raise SignInRefusedError(f"{name} is {owner.role}: a token cannot have the role {role.label}")
        accounts.create_token(tx, owner, label, role.label, fingerprint(token), now_s, now_s + days * 86_400)
    return token


def identify_token(store: Store, token: str, now_s: float) -> Identity | None:
    """Whose API token it is, with the lower of the token's role and the account's; None if it is not valid."""
    with store.read() as tx:
        valid = accounts.of_token(tx, fingerprint(token), now_s)
    if valid is None:
        return None
    owner, stored = valid
    if stored.used_s is None or now_s - stored.used_s > USE_NOTED_S:
        with store.begin() as tx:
            accounts.note_use(tx, stored, now_s)
    role = min(Role.of(stored.role), Role.of(owner.role))
    return Identity(owner.name, f"{owner.real_name} (token {stored.label})", role, by_token=True)


def fingerprint(token: str) -> str:
    """What is stored of a token: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _note(store: Store, event: SignInEvent) -> None:
    with store.begin() as tx:
        accounts.note(tx, event)
