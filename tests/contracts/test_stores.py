"""What every store promises, tried on each kind of database."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Boolean, Column, LargeBinary, String, func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from conf.errors import SettingsError
from opint.store import schema
from opint.store.engine import Store, StoreError, StoreUnavailable
from opint.store.errors import StoreRefusedError
from opint.store.sql import IndexedText
from opint.store.tables import audit, heartbeat, metadata, source_offset
from streams.errors import Unavailable

ROW = {"cluster": "c", "consumer_group": "g", "topic": "t", "owner": "me", "updated_s": 1.0}


def _rows(store: Store) -> int:
    with store.read() as tx:
        return int(tx.execute(select(func.count()).select_from(source_offset)).scalar_one())


def test_a_transaction_is_committed_at_its_end(store: Store) -> None:
    with store.begin() as tx:
        tx.execute(insert(source_offset), ROW | {"partition": 1})
    assert _rows(store) == 1


def test_an_exception_takes_everything_back(store: Store) -> None:
    def fail() -> None:
        with store.begin() as tx:
            tx.execute(insert(source_offset), ROW | {"partition": 1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _rows(store) == 0


def test_a_reader_sees_one_unchanging_view(store: Store) -> None:
    with store.read() as reader:
        count = select(func.count()).select_from(source_offset)
        assert reader.execute(count).scalar_one() == 0
        with store.begin() as tx:
            tx.execute(insert(source_offset), ROW | {"partition": 1})
        assert reader.execute(count).scalar_one() == 0
    assert _rows(store) == 1


def test_integrity_errors_stay_bugs(store: Store) -> None:
    with pytest.raises(IntegrityError), store.begin() as tx:
        tx.execute(insert(source_offset), [ROW | {"partition": 1}, ROW | {"partition": 1}])
    assert _rows(store) == 0


def test_foreign_keys_hold(store: Store) -> None:
    row = {"incident_id": 5, "at_s": 0.0, "actor": "a", "action": "opened", "detail": ""}
    with pytest.raises(IntegrityError), store.begin() as tx:
        tx.execute(insert(audit), row)


def test_migrations_make_the_tables_of_the_code(store: Store) -> None:
    with store.begin() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_down_and_up_again(store: Store) -> None:
    with store.begin() as tx:
        command.downgrade(schema.config(tx), "base")
        assert set(inspect(tx).get_table_names()) == {"alembic_version"}
    assert store.version() is None
    store.upgrade()
    store.check_version()
    with store.read() as tx:
        assert set(inspect(tx).get_table_names()) == {"alembic_version", *metadata.tables}


def test_upgrades_at_the_same_time(empty_url: str, open_store: Callable[[str], Store]) -> None:
    stores = [open_store(empty_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Store.upgrade, stores))
    stores[0].check_version()


def test_an_empty_database_is_told_apart(empty_url: str, open_store: Callable[[str], Store]) -> None:
    store = open_store(empty_url)
    assert store.version() is None
    with pytest.raises(StoreError, match=r"has no tables yet; run `nightshift db upgrade`"):
        store.check_version()


def test_a_newer_database_is_refused(store: Store) -> None:
    with store.begin() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(StoreError, match=r"made by a newer nightshift \(tables at r9999\)"):
        store.check_version()


WRITER = """
import sys, time
from sqlalchemy import insert
from opint.store.engine import Store
from opint.store.tables import source_offset
store = Store.open(sys.argv[1])
row = {"cluster": "c", "consumer_group": "g", "topic": "t", "owner": "me", "updated_s": 1.0}
for n in range(1000):
    with store.begin() as tx:
        tx.execute(insert(source_offset), row | {"partition": 2 * n})
        if n == 3:
            print("inside", flush=True)
            time.sleep(60)
        tx.execute(insert(source_offset), row | {"partition": 2 * n + 1})
"""


@pytest.fixture
def killed_writer(store_url: str) -> Iterator[None]:
    """A process that wrote three pairs of rows and half of the fourth, when it was killed."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, store_url], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"inside\n"
    process.kill()
    process.communicate()
    return


@pytest.mark.usefixtures("killed_writer")
def test_a_killed_writer_leaves_all_or_nothing(store: Store) -> None:
    assert _rows(store) == 6
    with store.begin() as tx:
        tx.execute(insert(source_offset), ROW | {"partition": 6})
    assert _rows(store) == 7


@pytest.mark.postgres
def test_a_server_that_goes_away_and_returns(postgres, postgres_template, open_store) -> None:
    store = open_store(postgres.url(postgres.database(postgres_template)))

    def write() -> None:
        with store.begin() as tx:
            tx.execute(insert(source_offset), ROW | {"partition": 1})
            postgres.stop()
            tx.execute(insert(source_offset), ROW | {"partition": 2})

    try:
        with pytest.raises(StoreUnavailable, match="is not available") as caught:
            write()
        assert isinstance(caught.value, Unavailable)
        with pytest.raises(StoreUnavailable):
            _rows(store)
    finally:
        postgres.start()
    assert _rows(store) == 0


def test_a_locked_sqlite_file_is_unavailable(tmp_path: Path, open_store, monkeypatch) -> None:
    monkeypatch.setattr("opint.store.engine.BUSY_SECONDS", 0.05)
    url = f"sqlite:///{tmp_path / 'one.db'}"
    first, second = open_store(url), open_store(url)
    first.upgrade()
    with first.begin(), pytest.raises(StoreUnavailable, match="locked"), second.begin():
        pass


def test_a_full_disk_is_unavailable(tmp_path: Path, open_store) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'one.db'}")
    store.upgrade()
    row = {"daemon": "d", "started_s": 0.0, "at_s": 0.0, "state": "running", "messages": 0, "histograms": 0, "lag": {}}

    def fill() -> None:
        with store.begin() as tx:
            tx.execute(text("PRAGMA max_page_count = 1"))
            tx.execute(insert(heartbeat), row | {"detail": "x" * 1_000_000})

    with pytest.raises(StoreUnavailable, match="full"):
        fill()


def test_another_file_is_no_database(tmp_path: Path, open_store) -> None:
    (tmp_path / "one.db").write_bytes(b"certainly not a database " * 100)
    with pytest.raises(StoreError, match=r"one\.db is not a database; check database\.url"):
        open_store(f"sqlite:///{tmp_path / 'one.db'}").version()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root:secret@host/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "secret nonsense",
        "",
        "postgresql://user:secret@host:port/x",
    ],
)
def test_a_bad_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match=r"database\.url") as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)


def test_a_password_never_shows(open_store) -> None:
    store = open_store("postgresql://user:secret@127.0.0.1:1/x?password=secret")
    with pytest.raises(StoreUnavailable) as caught:
        store.version()
    assert "secret" not in f"{caught.value} {store.name}"


def test_the_folder_is_made(tmp_path: Path, open_store) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'a' / 'b' / 'one.db'}")
    store.upgrade()
    assert (tmp_path / "a" / "b" / "one.db").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(SettingsError, match="cannot make the folder"):
        Store.open(f"sqlite:///{tmp_path / 'a' / 'b' / 'one.db'}")


def test_a_file_that_was_removed_is_noticed_and_one_put_back_is_used(tmp_path: Path, open_store) -> None:
    file = tmp_path / "one.db"
    store = open_store(f"sqlite:///{file}")
    store.upgrade()
    file.rename(tmp_path / "elsewhere.db")
    with pytest.raises(StoreUnavailable, match="the file was removed; put it back"):
        _rows(store)
    assert not file.exists()
    (tmp_path / "elsewhere.db").rename(file)
    with store.begin() as tx:
        tx.execute(insert(source_offset), ROW | {"partition": 1})
    assert _rows(open_store(f"sqlite:///{file}")) == 1


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path, open_store) -> None:
    store, other = (open_store(f"sqlite:///{tmp_path / name}") for name in ("one.db", "other.db"))
    for each in (store, other):
        each.upgrade()
    with other.begin() as tx:
        tx.execute(insert(source_offset), ROW | {"partition": 1})
    other.close()
    assert _rows(store) == 0
    for each in tmp_path.glob("one.db*"):
        each.unlink()
    (tmp_path / "other.db").rename(tmp_path / "one.db")
    assert _rows(store) == 1


def test_a_file_without_tables_is_one_line(tmp_path: Path, open_store) -> None:
    with pytest.raises(StoreError, match=r"has no such table; run `nightshift db upgrade`"):
        _rows(open_store(f"sqlite:///{tmp_path / 'one.db'}"))


def test_files_are_for_their_owner_alone(tmp_path: Path, open_store) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'one.db'}")
    store.upgrade()
    with store.begin() as tx:
        tx.execute(insert(source_offset), ROW | {"partition": 1})
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert modes == {"one.db": 0o600, "one.db-wal": 0o600, "one.db-shm": 0o600}


LONG = "\N{HATCHING CHICK}" * 500


def test_a_name_longer_than_an_index_holds_is_refused_and_the_next_is_stored(store: Store) -> None:
    def write(group: str) -> None:
        with store.begin() as tx:
            tx.execute(insert(source_offset), ROW | {"partition": 1, "consumer_group": group})

    with pytest.raises(StoreRefusedError, match="has 2000 bytes in UTF-8; at most 512 are kept"):
        write(LONG)
    write("g")
    with store.read() as tx:
        assert tx.execute(select(source_offset).where(source_offset.c.consumer_group == LONG)).all() == []


def test_names_as_long_as_allowed_fit_into_every_index(store: Store) -> None:
    """Random text, because PostgreSQL compresses what repeats itself."""
    rng = Random(1)
    rows = {
        table: {column.name: _longest(column, rng) for column in table.c}
        for table in metadata.sorted_tables
        if not table.foreign_keys
    }
    with store.begin() as tx:
        for table, row in rows.items():
            tx.execute(insert(table), row)
    with store.read() as tx:
        assert all(tx.execute(select(table)).mappings().one() == row for table, row in rows.items())


def _longest(column: Column[Any], rng: Random) -> object:
    match column.type:
        case IndexedText(max_bytes=size):
            return "".join(chr(rng.randint(0x10000, 0x1FFFF)) for _ in range(size // 4))
        case String():
            return "text"
        case LargeBinary():
            return b"bytes"
        case JSON():
            return {}
        case Boolean():
            return True
    return 1


@pytest.mark.postgres
def test_what_postgresql_says_is_classed_by_its_state(postgres, postgres_template, open_store) -> None:
    store = open_store(postgres.url(postgres.database(postgres_template)))

    def fail(state: str) -> None:
        with store.begin() as tx:
            tx.execute(text(f"DO $$ BEGIN RAISE SQLSTATE '{state}' USING message = 'said so'; END $$"))

    for state in ("08006", "40001", "40P01", "53100", "53300", "55P03", "57P01", "58030", "25006"):
        with pytest.raises(StoreUnavailable, match="is not available: said so"):
            fail(state)
    for state in ("22003", "22021", "22P05", "54000"):
        with pytest.raises(StoreRefusedError, match="refuses these data: said so"):
            fail(state)
    for state in ("28P01", "3D000", "42501", "42P01", "XX001"):
        with pytest.raises(StoreError):
            fail(state)
    for state in ("23505", "42601"):
        with pytest.raises(DBAPIError):
            fail(state)


@pytest.mark.postgres
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_all_text_is_refused(postgres, open_store, encoding: str) -> None:
    store = open_store(postgres.url(postgres.database(f"template0 ENCODING '{encoding}'")))
    for attempt in (store.upgrade, store.check_version, store.version):
        with pytest.raises(StoreError, match=rf"has the encoding {encoding}.*createdb --encoding UTF8"):
            attempt()
