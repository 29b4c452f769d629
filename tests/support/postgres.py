"""A PostgreSQL server of the tests' own, from the programs that are installed."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import psycopg

from tests.support.processes import within

START_SECONDS = 30.0


def programs_folder() -> Path | None:
    """Folder of the newest PostgreSQL server programs, Debian's or those on the path."""
    results = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    return results[-1].parent if results else (Path(on_path).parent if on_path else None)


def _account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: whom to be instead, None if we are not root."""
    if os.geteuid() != 0:
        return None
    names = {item.pw_name for item in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def _is_running(process: Path) -> bool:
    """Whether a process (its folder in /proc) has memory yet."""
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes() != b""
    return False


# Whatever a test left goes, and numbers begin at 1 again.
_EMPTY = """
DO $$ DECLARE relation text; has_rows boolean; filled text[] := '{}';
BEGIN
  FOR relation IN SELECT quote_ident(tablename) FROM pg_tables
      WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || relation || ')' INTO has_rows;
    IF has_rows THEN filled := filled || relation; END IF;
  END LOOP;
  IF filled <> '{}' THEN EXECUTE 'TRUNCATE ' || array_to_string(filled, ',') || ' CASCADE'; END IF;
  FOR relation IN SELECT quote_ident(sequencename) FROM pg_sequences WHERE last_value IS NOT NULL LOOP
    EXECUTE 'ALTER SEQUENCE ' || relation || ' RESTART';
  END LOOP;
END $$"""

_SCHEMA = """
SELECT md5(string_agg(concat_ws(' ', relname, attname, atttypid, attnotnull), ',' ORDER BY relname, attnum))
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT version_num FROM alembic_version"""


class PostgresServer:
    """A server of its own in a folder of its own, reached by a socket in there."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._numbers = count()
        account = _account()
        self._who = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        options = ["-U", "nightshift", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        initdb = [str(programs / "initdb"), "-D", str(folder / "data"), *options]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/", **self._who)
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        where = ["-D", str(self._folder / "data"), "-k", str(self._folder)]
        settings = ("listen_addresses=", "fsync=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=32MB")
        how = [argument for setting in settings for argument in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), *where, *how], stdout=log, stderr=log, cwd="/", **self._who
            )
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self._do("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it at once, whoever is connected."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(START_SECONDS)

    def kill(self) -> None:
        """End it and its children by SIGKILL in the middle of whatever they do."""
        pid = self._process.pid
        children = [Path(f"/proc/{number}") for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        for number in (pid, *(int(child.name) for child in children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self._process.wait(START_SECONDS)
        # A server does not start while a child of the last one shares its memory.
        assert within(START_SECONDS, lambda: not any(_is_running(child) for child in children))

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://nightshift@/{database}?host={self._folder}"

    def database(self, template: str = "template1") -> str:
        """Name of a new database, a copy of ``template``."""
        name = f"d{next(self._numbers)}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def empty(self, name: str, template: str) -> bool:
        """Delete all rows of a copy of ``template``; False if its tables are no longer those of the template.

        Takes a fifth of the time of another copy.
        """
        self._do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", values=(name,))
        if self._do(_SCHEMA, name) != self._do(_SCHEMA, template):
            return False
        self._do(_EMPTY, name)
        return True

    def _do(self, statement: str, database: str = "postgres", values: Sequence[str] = ()) -> list[tuple[object, ...]]:
        dsn = f"user=nightshift host={self._folder} dbname={database}"
        with psycopg.connect(dsn, autocommit=True) as connection:
            result = connection.execute(statement, values or None)
            return result.fetchall() if result.description else []
