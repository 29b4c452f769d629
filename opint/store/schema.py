"""Which migrations there are, and running them."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).with_name("migrations")

_UPGRADE_LOCK = 0x6E73_7570
"""Number of PostgreSQL's advisory lock: one upgrade at a time."""


def config(tx: Connection | None = None) -> "Config":
    """Alembic's configuration; its commands work inside the transaction ``tx``."""
    from alembic.config import Config  # noqa: PLC0415 - few commands migrate

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = tx
    return config


def migrate(tx: Connection, revision: str = "head") -> None:
    """Upgrade to ``revision`` in the transaction ``tx``, all or nothing.

    Waits for another upgrade; SQLite has taken its write lock already when the transaction began.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
    if revision == "head" and version(tx) == head():
        return  # as at almost every start, of which Alembic would take half
    from alembic import command  # noqa: PLC0415 - as above

    command.upgrade(config(tx), revision)


def version(tx: Connection) -> str | None:
    """The migration that the tables stand at; None if there are none."""
    if not inspect(tx).has_table("alembic_version"):
        return None
    return tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


@cache
def head() -> str:
    """The newest migration of this release."""
    (newest,) = known_revisions() - set(_parents().values())
    return newest


@cache
def known_revisions() -> frozenset[str]:
    """All migrations of this release."""
    return frozenset(_parents())


@cache
def _parents() -> dict[str, str]:
    """What each migration follows, read without Alembic: every command asks for it, and few migrate."""
    texts = [file.read_text() for file in (_MIGRATIONS / "versions").glob("r*.py")]
    named = [dict(re.findall(r'^(revision|down_revision) = "(\w+)"', text, re.MULTILINE)) for text in texts]
    return {script["revision"]: script.get("down_revision", "") for script in named}
