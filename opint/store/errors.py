"""What can go wrong with the database.

StoreUnavailable   it cannot be reached or written now: wait and try again (streams.errors.Unavailable)
StoreError         trying again will not help: a person has to act; the message says how
"""

import sqlite3

from sqlalchemy import exc

from conf.errors import NightshiftError
from streams.errors import Unavailable


class StoreUnavailable(Unavailable):
    """The database is away, locked, full, or was lost in the middle; the transaction did not take place.

    If the connection broke during the commit itself, nobody knows whether it took place: whoever tries
    again must look at what is stored first, as the offsets do.
    """


class StoreError(NightshiftError):
    """The database cannot be used as it is; the message says what to do."""


# Primary result codes of SQLite that no retry will mend (https://www.sqlite.org/rescode.html).
_NEEDS_A_PERSON = {
    sqlite3.SQLITE_PERM: "is not accessible; check the permissions of the file and its folder",
    sqlite3.SQLITE_READONLY: "is read-only; check the permissions of the file and its folder",
    sqlite3.SQLITE_NOTADB: "is not a database; check database.url",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore a backup or remove the file",
}
_TRANSIENT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
}
READ_ONLY_STATE = "25006"
"""SQLSTATE of a write to a PostgreSQL server that is (still) a standby."""


def translated(error: exc.SQLAlchemyError, name: str) -> NightshiftError | None:
    """What the error means for the user of the database called ``name``; None if it is a bug of ours."""
    if isinstance(error, exc.TimeoutError):
        return StoreUnavailable(f"database {name}: all connections are busy")
    if not isinstance(error, exc.DBAPIError):
        return None
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause, name)
    away = error.connection_invalidated or isinstance(error, exc.OperationalError | exc.InterfaceError)
    if away or getattr(cause, "sqlstate", None) == READ_ONLY_STATE:
        return StoreUnavailable(f"database {name} is not available: {_line(cause)}")
    return None


def _of_sqlite(cause: sqlite3.Error, name: str) -> NightshiftError | None:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in _NEEDS_A_PERSON:
        return StoreError(f"database {name} {_NEEDS_A_PERSON[code]}")
    if code in _TRANSIENT:
        return StoreUnavailable(f"database {name} is not available: {_line(cause)}")
    return None


def _line(cause: BaseException | None) -> str:
    """The first line of a driver's message; the rest may quote statements."""
    return (str(cause).strip() or type(cause).__name__).splitlines()[0][:300]
