"""Opening the database, transactions, and bringing its tables up to date.

**SQLite** runs in WAL mode, so that the dashboard reads while the daemon writes. A writing transaction
begins with ``BEGIN IMMEDIATE``: it takes the only write lock at once and can never fail half-way because
somebody else wrote first. ``synchronous=NORMAL`` writes the log at every commit but forces it to the disk
only at checkpoints. A killed process loses nothing by that (the kernel has the log). A power cut may take
back the newest transactions, each of them wholly, and the database stays consistent: effects and offset go
back together, and the messages are read again. Words of operators from the last second may be lost then.

Its file is made for its owner alone. One that was removed or replaced under a running process is noticed at the next
transaction, which would otherwise be written into nothing.

**PostgreSQL** commits durably by itself; the database must have the encoding UTF8. A client that stops in the middle of
a transaction would hold its locks for ever, so the server ends such a session after ``IDLE_IN_TRANSACTION_SECONDS``.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url, text

from conf.errors import SettingsError
from opint.store.errors import StoreError, StoreUnavailable, translated
from opint.store.schema import head, known_revisions, migrate, version

__all__ = ["Store", "StoreError", "StoreUnavailable"]

BUSY_SECONDS = 10.0
"""How long a writer waits for another one."""

CONNECT_SECONDS = 5
IDLE_IN_TRANSACTION_SECONDS = 60
_WRITES = "nightshift_writes"


class Store:
    """One database. Safe to share between threads; not between processes after a fork."""

    def __init__(self, engine: Engine, name: str) -> None:
        """Use :meth:`open`."""
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})
        self.name = name
        """The URL without password, for messages."""

    @classmethod
    def open(cls, url: str) -> "Store":
        """The database at ``url``: ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST/NAME``.

        Nothing is connected yet; the folder of an SQLite file is made. Raises SettingsError for a URL that
        cannot be used.
        """
        parsed = _parsed(url)
        # Parameters behind "?" may carry a password.
        name = parsed.set(query={}).render_as_string(hide_password=True)
        if parsed.get_backend_name() == "sqlite":
            _make_folder(parsed, name)
            return cls(_sqlite(parsed, name), name)
        return cls(_postgresql(parsed, name), name)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: committed at the end, rolled back at any exception.

        Raises StoreUnavailable or StoreError (see opint.store.errors) for what is not our fault.
        """
        with self._clear_errors(), self._writer.begin() as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A reading transaction: one unchanging view of the database. Raises as :meth:`begin`."""
        with self._clear_errors(), self._engine.connect() as tx, tx.begin():
            if tx.dialect.name == "postgresql":
                tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            yield tx

    def upgrade(self) -> None:
        """Create the tables or bring them up to this release; safe to repeat and to run at the same time twice."""
        with self.begin() as tx:
            migrate(tx)

    def version(self) -> str | None:
        """The migration that the tables stand at; None if there are none."""
        with self.read() as tx:
            return version(tx)

    def check_version(self) -> None:
        """Raise StoreError, saying what to do, unless the tables are those of this release."""
        version = self.version()
        if version is None:
            raise StoreError(f"database {self.name} has no tables yet; run `nightshift db upgrade`")
        if version not in known_revisions():
            raise StoreError(
                f"database {self.name} was made by a newer nightshift (tables at {version}); install that release"
            )
        if version != head():
            raise StoreError(
                f"database {self.name} has tables at {version}, this release needs {head()}; "
                "run `nightshift db upgrade`"
            )

    def close(self) -> None:
        """Give all connections back; may be called twice."""
        self._engine.dispose()

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except exc.SQLAlchemyError as error:
            clear = translated(error, self.name)
            if clear is None:
                raise
            raise clear from error


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        # The value itself may hold a password.
        raise SettingsError("database.url is not a URL; write sqlite:///FILE or postgresql://HOST/NAME") from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if parsed.database in {None, "", ":memory:"} or "mode=memory" in url:
            raise SettingsError("database.url names no file; write sqlite:///FILE (memory is not shared by processes)")
        return parsed
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError(
        f"database.url begins with {parsed.drivername!r}; write sqlite:///FILE or postgresql://HOST/NAME"
    )


def _make_folder(url: URL, name: str) -> None:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"database.url {name}: cannot make the folder {folder}: {error.strerror}") from None


def _sqlite(url: URL, name: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **_common())
    file = _SqliteFile(Path(str(url.database)), name)

    @event.listens_for(engine, "do_connect")
    def _open(_dialect: object, record: Any, _arguments: object, _options: object) -> None:
        record.info["identity"] = file.opened()

    @event.listens_for(engine, "checkout")
    def _check(_connection: object, record: Any, _proxy: object) -> None:
        if record.info["identity"] != file.identity():
            raise exc.DisconnectionError

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # No BEGIN by the driver: the one below decides.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class _SqliteFile:
    """The file of a database: made once, for its owner alone, and then expected to be there."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._was_there = False

    def opened(self) -> tuple[int, int]:
        """Which file is opened now; it is made if this is the first time. SQLite gives -wal and -shm its mode."""
        if not self._was_there:
            with suppress(OSError):
                # What else is wrong with the path, SQLite says.
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
                self._was_there = True
        return self.identity()

    def identity(self) -> tuple[int, int]:
        """Device and inode of the file; raises StoreUnavailable if it has gone."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            if not self._was_there:
                return 0, 0
            raise StoreUnavailable(
                f"database {self._name} is not available: the file was removed; put it back, or end all of nightshift, "
                "run `nightshift db upgrade` and start again"
            ) from None
        except OSError:
            return 0, 0
        return status.st_dev, status.st_ino


def _postgresql(url: URL, name: str) -> Engine:
    parameters = {"connect_timeout": CONNECT_SECONDS, "application_name": "nightshift"}
    defaults = {key: value for key, value in parameters.items() if key not in url.query}
    engine = create_engine(url, pool_pre_ping=True, connect_args=defaults, **_common())

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _record: object, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
        connection = dialect.connect(*arguments, **options)
        # Asked before anything else, because not even the server's version can be read in another one.
        encoding = connection.info.parameter_status("server_encoding")
        if encoding == "UTF8":
            return connection
        connection.close()
        raise StoreError(
            f"database {name} has the encoding {encoding}, which cannot hold all names; make one that has UTF8: "
            "createdb --encoding UTF8 --template template0 NAME"
        )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_SECONDS}s'")
        connection.commit()

    return engine


def _common() -> dict[str, Any]:
    """Options of both: statements in errors and logs never show the values, which are data of users."""
    return {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
        "hide_parameters": True,
    }
