"""What tests stand on: SQLite files, a PostgreSQL server and Kafka brokers that the tests start themselves."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest

from conf.settings import DqmSettings
from dqm.histograms.train import train
from dqm.simulate.detector import Detector, stream
from opint.popularity.errors import PopularityError
from opint.popularity.spark.session import check_java, session
from opint.store.engine import Store
from streams import broker
from streams import dev_kafka as apache
from streams.errors import SourceUnavailable
from tests.opint.dashboard import seed as seeding
from tests.small import LEVEL, keys, small_detector
from tests.support.postgres import PostgresServer, programs_folder
from tests.support.processes import QUICK_JAVA

os.environ.setdefault("KAFKA_JVM_PERFORMANCE_OPTS", QUICK_JAVA)

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile("nightshift", deadline=None)
hypothesis.settings.load_profile("nightshift")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with few and long tests come first: at the end workers would wait for one of them."""
    long = {item.path for item in items if "e2e" in item.path.parts or item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


JAVA = {
    "spark": ("tests/opint/popularity/spark/", "tests/opint/cli/test_popularity.py"),
    "kafka": ("tests/streams/test_kafka", "tests/streams/test_dev_kafka.py", "tests/contracts/test_sources.py"),
}
"""By server, the files that need it."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """By file, and those that need one server of Java in one worker: it takes longer to start than its tests."""
    from xdist.scheduler import LoadFileScheduling

    class ByServer(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = super()._split_scope(nodeid)
            return next((server for server, files in JAVA.items() if path.startswith(files)), path)

    return ByServer(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def real_data():
    """``real_data(name)``: a file of real data; skips where there is none."""
    root = Path(__file__).parents[1]
    folder = Path(os.environ.get("NIGHTSHIFT_DATA", root.parent / "shared" / "data"))

    def find(name):
        path = folder / name
        if not path.exists():
            pytest.skip(f"no real data: {path} is absent (set NIGHTSHIFT_DATA)")
        return path

    return find


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running PostgreSQL; skipped where there is none, but never under CI."""
    programs = programs_folder()
    if programs is None:
        message = "PostgreSQL's server programs are not installed (Debian: postgresql)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    # Not below pytest's own folder, which other accounts may not enter.
    folder = Path(tempfile.mkdtemp(prefix="nightshift-pg-"))
    try:
        server = PostgresServer(programs, folder)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """A database with all tables, to be copied: quicker than migrating anew for each test."""
    name = postgres.database()
    store = Store.open(postgres.url(name))
    store.upgrade()
    store.close()
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "nightshift.db"
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    store.close()
    return path


@pytest.fixture(scope="session")
def postgres_copies() -> list[str]:
    """Databases with all tables and nothing in them, of tests that have ended."""
    return []


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh database with all tables; every test runs with both kinds."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "nightshift.db")
        yield f"sqlite:///{tmp_path / 'nightshift.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("postgres_template")
    copies: list[str] = request.getfixturevalue("postgres_copies")
    name = copies.pop() if copies else server.database(template)
    yield server.url(name)
    if server.empty(name, template):
        copies.append(name)
    else:
        server.drop(name)


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, tmp_path: Path, store_url: str) -> Iterator[str]:
    """URL of a fresh database without tables, of the same kind as ``store_url``."""
    if store_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'empty' / 'nightshift.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.database()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def open_store() -> Iterator[Callable[[str], Store]]:
    """Opens stores that are closed after the test."""
    opened: list[Store] = []

    def _open(url: str) -> Store:
        opened.append(Store.open(url))
        return opened[-1]

    yield _open
    for store in opened:
        store.close()


@pytest.fixture
def store(store_url: str, open_store: Callable[[str], Store]) -> Store:
    """An open store with all tables, once on SQLite and once on PostgreSQL."""
    return open_store(store_url)


@pytest.fixture(scope="session")
def seed() -> ModuleType:
    """The module that fills stores."""
    return seeding


@pytest.fixture(scope="session")
def seeded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file that looks like an evening in the control room (tests/opint/dashboard/seed.py)."""
    file = tmp_path_factory.mktemp("seeded") / "nightshift.db"
    seeded = Store.open(f"sqlite:///{file}")
    seeding.fill(seeded)
    seeded.close()
    return file


@pytest.fixture
def seeded_store(seeded_file: Path, tmp_path: Path, open_store: Callable[[str], Store]) -> Store:
    """A store of its own with that content, which the test may change."""
    shutil.copy(seeded_file, tmp_path / "nightshift.db")
    return open_store(f"sqlite:///{tmp_path / 'nightshift.db'}")


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[broker.BrokerAddress]:
    """Address of an embedded broker that all tests share (topics keep them apart)."""
    with broker.embedded_broker() as address:
        yield address


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``host:port`` of an Apache Kafka that all tests share: NIGHTSHIFT_TEST_KAFKA, or one started here."""
    if existing := os.environ.get("NIGHTSHIFT_TEST_KAFKA"):
        yield existing
        return
    _require_java()
    with apache.apache_kafka(tmp_path_factory.mktemp("kafka")) as node:
        yield node.bootstrap_servers


@pytest.fixture
def own_apache_kafka(tmp_path: Path) -> Iterator[apache.ApacheKafka]:
    """A running Apache Kafka that the test may stop, kill and start."""
    _require_java()
    with apache.apache_kafka(tmp_path / "kafka") as node:
        yield node


@pytest.fixture(scope="session")
def kafka_tools() -> None:
    """Skips where Apache Kafka cannot be started, and fails there if CI is set."""
    _require_java()


def _require_java() -> None:
    try:
        apache.java()
        if shutil.which("mvn") is None and not (apache.CACHE / "jars").is_dir():
            raise SourceUnavailable("Maven is not installed; install maven")
    except SourceUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must run the Kafka tests: {error}")
        pytest.skip(f"Apache Kafka cannot be started here: {error}")


@pytest.fixture(scope="session")
def spark():
    """A session of Spark on two threads of this machine; skipped where there is no Java, but never under CI."""
    try:
        check_java(os.environ)
    except PopularityError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must run the tests on Spark: {error}")
        pytest.skip(f"Spark cannot run here: {error}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", f"--driver-java-options '{QUICK_JAVA}' pyspark-shell")
        result = session({}, "local[2]")
    yield result
    result.stop()


@pytest.fixture(scope="session")
def detector() -> Detector:
    """Two subsystems of four monitoring elements each."""
    return small_detector()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, detector: Detector) -> Path:
    """A folder with a bundle trained on good lumisections of the small detector, once for all workers."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "models"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "histograms").exists():
            good = stream(detector, [(key, LEVEL) for key in keys(500, first_run=370_000, per_run=50)], (), seed=1)
            batches = (batch for item in good for batch in item.batches)
            train(batches, folder / "histograms", DqmSettings(), np.random.default_rng(2), lambda _step, _share: None)
    return folder
