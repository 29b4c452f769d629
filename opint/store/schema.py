"""Which migrations there are, and running them."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

_UPGRADE_LOCK = 0x6E73_7570
"""Number of PostgreSQL's advisory lock: one upgrade at a time."""


def config(tx: Connection | None = None) -> Config:
    """Alembic's configuration; its commands work inside the transaction ``tx``."""
    made = Config()
    folder = Path(__file__).with_name("migrations")
    made.set_main_option("script_location", str(folder).replace("%", "%%"))
    made.attributes["connection"] = tx
    return made


def migrate(tx: Connection, revision: str = "head") -> None:
    """Upgrade to ``revision`` in the transaction ``tx``, all or nothing.

    Waits for another upgrade; SQLite has taken its write lock already when the transaction began.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
    command.upgrade(config(tx), revision)


@cache
def head() -> str:
    """The newest migration of this release."""
    newest = ScriptDirectory.from_config(config()).get_current_head()
    if newest is None:
        raise RuntimeError("this installation has no migrations: opint/store/migrations is incomplete")
    return newest


@cache
def known() -> frozenset[str]:
    """All migrations of this release."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())
