"""Accounts, their sessions and API tokens, and what happened when somebody signed in.

Tokens are random and long, so that their SHA-256 says nothing about them: only that is kept.
"""

from dataclasses import asdict, dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    update,
)
from sqlalchemy import delete as delete_from
from sqlalchemy import insert as insert_into

from opint.store.sql import indexable, storable
from opint.store.tables import Name, metadata, serial

MOST_DETAIL = 500
"""Characters of a sign-in event's detail that are kept."""

account = Table(
    "account",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("name", Name, nullable=False, unique=True),
    Column("real_name", String, nullable=False, comment="stands on each action"),
    Column("role", String, nullable=False, comment="viewer, shifter, expert or admin"),
    Column("origin", Name, nullable=False, comment="local, proxy, or the issuer of an OpenID provider"),
    Column("subject", Name, nullable=False, comment="what its origin knows the person by"),
    Column("password_hash", String, nullable=True, comment="argon2id; null: signs in elsewhere"),
    Column("created_s", Float, nullable=False),
    Column("disabled_s", Float, nullable=True),
    UniqueConstraint("origin", "subject"),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("account_id", BigInteger, ForeignKey("account.id"), nullable=False, index=True),
    Column("created_s", Float, nullable=False),
    Column("expires_s", Float, nullable=False, index=True),
    Column("address", String, nullable=False),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("account_id", BigInteger, ForeignKey("account.id"), nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("token_hash", String, nullable=False, unique=True),
    Column("role", String, nullable=False, comment="at most that of the account"),
    Column("created_s", Float, nullable=False),
    Column("expires_s", Float, nullable=False),
    Column("used_s", Float, nullable=True),
    Column("revoked_s", Float, nullable=True),
)

sign_in_event = Table(
    "sign_in_event",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("at_s", Float, nullable=False),
    Column("account", Name, nullable=False, comment="as it was typed"),
    Column("event", String, nullable=False, comment="signed-in, refused, locked, signed-out, or what an admin did"),
    Column("address", String, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_sign_in_event_event_at_s", "event", "at_s"),
)


@dataclass(frozen=True, slots=True)
class Account:
    """A row of ``account``; times are s since 1970."""

    id: int
    name: str
    real_name: str
    role: str
    origin: str
    subject: str
    password_hash: str | None
    created_s: float
    disabled_s: float | None


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A row of ``api_token`` with its account's name, without the hash."""

    id: int
    account: str
    label: str
    role: str
    created_s: float
    expires_s: float
    used_s: float | None
    revoked_s: float | None


@dataclass(frozen=True, slots=True)
class SignInEvent:
    """A row of ``sign_in_event``."""

    at_s: float
    account: str
    event: str
    address: str
    detail: str


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account begins with; see the columns."""

    name: str
    real_name: str
    role: str
    origin: str
    subject: str
    password_hash: str | None = None


def of_name(tx: Connection, name: str) -> Account | None:
    """The account of a name."""
    row = tx.execute(select(account).where(account.c.name == name)).one_or_none()
    return Account(*row) if row else None


def of_subject(tx: Connection, origin: str, subject: str) -> Account | None:
    """The account of somebody whom ``origin`` knows as ``subject``."""
    row = tx.execute(select(account).where(account.c.origin == origin, account.c.subject == subject)).one_or_none()
    return Account(*row) if row else None


def all_accounts(tx: Connection) -> list[Account]:
    """All accounts by name."""
    return [Account(*row) for row in tx.execute(select(account).order_by(account.c.name))]


def create(tx: Connection, new: NewAccount, now_s: float) -> None:
    """Store a new account; its name must not be taken."""
    tx.execute(insert_into(account), asdict(new) | {"created_s": now_s})


def change(tx: Connection, name: str, **values: object) -> None:
    """Change columns of an account; its sessions end if they are about its password, its role or its end."""
    tx.execute(update(account).where(account.c.name == name).values(**values))
    if values.keys() & {"password_hash", "disabled_s", "role"}:
        owner = select(account.c.id).where(account.c.name == name).scalar_subquery()
        tx.execute(delete_from(session).where(session.c.account_id == owner))


def open_session(tx: Connection, token_hash: str, owner: Account, address: str, now_s: float, expires_s: float) -> None:
    """Store a session, and forget those that have expired."""
    tx.execute(delete_from(session).where(session.c.expires_s <= now_s))
    values = {"token_hash": token_hash, "account_id": owner.id, "created_s": now_s, "expires_s": expires_s}
    tx.execute(insert_into(session), values | {"address": address})


def of_session(tx: Connection, token_hash: str, now_s: float) -> Account | None:
    """Whose session it is, if it and the account are valid."""
    query = select(account).join(session, session.c.account_id == account.c.id)
    valid = (session.c.token_hash == token_hash, session.c.expires_s > now_s, account.c.disabled_s.is_(None))
    row = tx.execute(query.where(*valid)).one_or_none()
    return Account(*row) if row else None


def close_session(tx: Connection, token_hash: str) -> None:
    """End a session."""
    tx.execute(delete_from(session).where(session.c.token_hash == token_hash))


def create_token(
    tx: Connection, owner: Account, label: str, role: str, token_hash: str, now_s: float, expires_s: float
) -> None:
    """Store an API token."""
    values = {"account_id": owner.id, "label": label, "role": role, "token_hash": token_hash}
    tx.execute(insert_into(api_token), values | {"created_s": now_s, "expires_s": expires_s})


def of_token(tx: Connection, token_hash: str, now_s: float) -> tuple[Account, ApiToken] | None:
    """Whose API token it is, and the token, if both are valid."""
    valid = (api_token.c.token_hash == token_hash, api_token.c.expires_s > now_s, api_token.c.revoked_s.is_(None))
    row = tx.execute(_TOKENS.where(*valid, account.c.disabled_s.is_(None))).mappings().one_or_none()
    owner = of_name(tx, row["account"]) if row else None
    return (owner, ApiToken(**row)) if row and owner else None


_TOKENS = select(
    account.c.name.label("account"),
    *(api_token.c[name] for name in ApiToken.__slots__ if name != "account"),
).join(account, api_token.c.account_id == account.c.id)


def note_use(tx: Connection, token: ApiToken, now_s: float) -> None:
    """Remember when an API token was used last."""
    tx.execute(update(api_token).where(api_token.c.id == token.id).values(used_s=now_s))


def all_tokens(tx: Connection) -> list[ApiToken]:
    """All API tokens, newest first."""
    return [ApiToken(**row) for row in tx.execute(_TOKENS.order_by(api_token.c.id.desc())).mappings()]


def revoke(tx: Connection, token_id: int, now_s: float) -> bool:
    """Revoke an API token; whether there was a valid one."""
    revoked = update(api_token).where(api_token.c.id == token_id, api_token.c.revoked_s.is_(None))
    return tx.execute(revoked.values(revoked_s=now_s)).rowcount == 1


def note(tx: Connection, event: SignInEvent) -> None:
    """Keep what happened."""
    texts = {"account": indexable(event.account, 512), "detail": storable(event.detail, MOST_DETAIL)}
    tx.execute(insert_into(sign_in_event), {"at_s": event.at_s, "event": event.event, "address": event.address} | texts)


def events(tx: Connection, limit: int) -> list[SignInEvent]:
    """What happened last, newest first."""
    columns = [sign_in_event.c[name] for name in SignInEvent.__slots__]
    return [SignInEvent(*row) for row in tx.execute(select(*columns).order_by(sign_in_event.c.id.desc()).limit(limit))]


@dataclass(frozen=True, slots=True)
class Refusals:
    """Attempts that were refused: of a name from an address, of the name from anywhere, from the address at all."""

    both: int
    name: int
    address: int


def refusals(tx: Connection, name: str, address: str, since_s: float) -> Refusals:
    """How many attempts were refused since a time, s since 1970."""
    row = sign_in_event.c
    of_name, of_address = row.account == indexable(name, 512), row.address == address
    both, name_alone, address_alone = (
        func.count().filter(condition) for condition in (of_name & of_address, of_name, of_address)
    )
    query = select(both, name_alone, address_alone).where(row.event == "refused", row.at_s > since_s)
    return Refusals(*tx.execute(query).one())
