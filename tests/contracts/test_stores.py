"""What every store promises, tried on each kind of database."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from conf.errors import SettingsError
from opint.store import schema
from opint.store.engine import Store, StoreError, StoreUnavailable
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
