"""What can go wrong with the database.

StoreUnavailable   it cannot be reached or written now: wait and try again (streams.errors.Unavailable)
StoreError         trying again will not help: a person has to act; the message says how
StoreRefusedError  trying again will not help: these data cannot be stored, others can

PostgreSQL says by SQLSTATE which of them it is (https://www.postgresql.org/docs/current/errcodes-appendix.html), SQLite
by its result code (https://www.sqlite.org/rescode.html).
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


class StoreRefusedError(NightshiftError):
    """The database does not take these data, and never will; the transaction did not take place."""


_NO_TABLES = "has no such table; run `nightshift db upgrade`"

_SQLITE_NEEDS_A_PERSON = {
    sqlite3.SQLITE_PERM: "is not accessible; check the permissions of the file and its folder",
    sqlite3.SQLITE_READONLY: "is read-only; check the permissions of the file and its folder",
    sqlite3.SQLITE_NOTADB: "is not a database; check database.url",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore a backup or remove the file",
}
_SQLITE_PASSES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
}

# States of PostgreSQL, whole or their class (the first two characters).
_PASSES = {
    "08": "connection lost",
    "40001": "serialisation failure",
    "40P01": "deadlock",
    "53": "disk full, out of memory, too many connections",
    "55": "lock not available, object in use",
    "57": "shutdown, cannot connect now, query cancelled",
    "58": "error of the operating system",
    "25006": "read-only: still a standby",
    "25P03": "idle in transaction for too long",
}
_NEEDS_A_PERSON = {
    "28": "refuses the log-in; check the user and the password in database.url",
    "3D000": "does not exist; create it or check database.url",
    "42501": "is not accessible; grant the user the rights on the database and its tables",
    "42P01": _NO_TABLES,
    "XX": "reports damage or a fault of its own; see the log of the server",
}
_REFUSED = {"22": "data exception", "54": "program limit exceeded"}


def translated(error: exc.SQLAlchemyError, name: str) -> NightshiftError | None:
    """What the error means for the user of the database called ``name``; None if it is a bug of ours."""
    if isinstance(error, exc.TimeoutError):
        return StoreUnavailable(f"database {name}: all connections are busy")
    if not isinstance(error, exc.StatementError):
        return None
    cause = error.orig
    if isinstance(cause, NightshiftError):
        return cause
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause, name)
    return _of_postgresql(error, name) if isinstance(error, exc.DBAPIError) else None


def _of_sqlite(cause: sqlite3.Error, name: str) -> NightshiftError | None:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_NEEDS_A_PERSON:
        return StoreError(f"database {name} {_SQLITE_NEEDS_A_PERSON[code]}")
    if code in _SQLITE_PASSES:
        return StoreUnavailable(f"database {name} is not available: {_line(cause)}")
    if code in {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH}:
        return StoreRefusedError(f"database {name} refuses these data: {_line(cause)}")
    # SQLite has no code of its own for it.
    return StoreError(f"database {name} {_NO_TABLES}") if str(cause).startswith("no such table") else None


def _of_postgresql(error: exc.DBAPIError, name: str) -> NightshiftError | None:
    cause = error.orig
    state = getattr(cause, "sqlstate", None)
    if state is None:
        # The driver's own errors: it has no connection, or does not send such data at all.
        if error.connection_invalidated or isinstance(error, exc.OperationalError | exc.InterfaceError):
            return StoreUnavailable(f"database {name} is not available: {_line(cause)}")
        refused = isinstance(error, exc.DataError)
        return StoreRefusedError(f"database {name} refuses these data: {_line(cause)}") if refused else None
    codes = {state, state[:2]}
    if error.connection_invalidated or codes & _PASSES.keys():
        return StoreUnavailable(f"database {name} is not available: {_line(cause)}")
    if advice := codes & _NEEDS_A_PERSON.keys():
        return StoreError(f"database {name} {_NEEDS_A_PERSON[advice.pop()]}")
    if codes & _REFUSED.keys():
        return StoreRefusedError(f"database {name} refuses these data: {_line(cause)}")
    return None


def _line(cause: BaseException | None) -> str:
    """The first line of a driver's message; the rest may quote statements."""
    return (str(cause).strip() or type(cause).__name__).splitlines()[0][:300]
