"""The house rules that a machine can check: who imports whom, what loads when, what an installation pulls."""

import ast
import configparser
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGES = ("conf", "streams", "dqm", "rl_cache", "opint")
HEAVY = (
    "kafka",
    "confluent_kafka",
    "tensorflow",
    "sqlalchemy",
    "fastapi",
    "pyspark",
    "torch",
    "numba",
    "gymnasium",
    "pyarrow",
    "uproot",
)
ONLY_IN_EXTRAS = {
    "tensorflow-cpu",
    "keras",
    "torch",
    "numba",
    "gymnasium",
    "pyspark",
    "pandas",
    "scikit-learn",
    "xgboost",
    "stable-baselines3",
    "pytest",
}

LOADED = """
import sys
try:
    {what}
except SystemExit as end:
    assert end.code == 0, end.code
print("LOADED", *(name for name in {heavy} if name in sys.modules))
"""
QUERIES_OUTSIDE_THE_STORE = {
    "opint/incidents/window.py": "builds the observations that decisions are made of while it reads",
    "opint/certification/facts.py": "builds the facts that a certificate is made of while it reads",
    "opint/registry/comparison.py": "pairs the verdicts of two models while it reads",
    "opint/cli/render.py": "prints what it reads, once, for a terminal",
}
COMMANDS = {
    "import": "import opint.cli",
    "help": "import opint.cli; sys.argv = ['nightshift', '--help']; opint.cli.main()",
}


def test_imports_keep_to_the_contracts() -> None:
    # In a process of its own: it forks workers, which threads and browsers of other tests do not survive.
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def names_from_sqlalchemy(path: Path) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {name.name for node in nodes if str(node.module).startswith("sqlalchemy") for name in node.names}


def test_outside_the_store_a_transaction_is_only_handed_on() -> None:
    """``Connection`` is the type of a transaction; everything else of SQLAlchemy makes queries."""
    paths = {str(path.relative_to(ROOT)): path for path in (ROOT / "opint").rglob("*.py")}
    outside = {name for name in paths if not name.startswith("opint/store/")}
    queries = {name for name in outside if names_from_sqlalchemy(paths[name]) - {"Connection"}}
    assert queries == set(QUERIES_OUTSIDE_THE_STORE)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_starts_without_heavy_libraries(command: str) -> None:
    code = LOADED.format(what=COMMANDS[command], heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "LOADED"


LISTING = ("alembic", "numpy", "pandas", "fastapi", "confluent_kafka", "uvicorn", "psycopg")


@pytest.mark.parametrize("command", [["incidents", "list"], ["deadletters", "list"]])
def test_a_command_that_looks_into_the_database_loads_little_else(command: list[str], sqlite_template: Path) -> None:
    what = f"import opint.cli; sys.argv = ['nightshift', *{command}]; opint.cli.main()"
    environ = os.environ | {"NIGHTSHIFT_DATABASE__URL": f"sqlite:///{sqlite_template}"}
    code = LOADED.format(what=what, heavy=LISTING)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "LOADED"


def test_the_page_loads_nothing_that_judges_or_consumes() -> None:
    judges = ("kafka", "tensorflow", "scipy", "dqm.histograms.bundle", "dqm.histograms.scorers", "dqm.events.model")
    code = LOADED.format(what="import opint.dashboard.app", heavy=judges)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "LOADED"


def base_requirements() -> Iterator[str]:
    """Names of everything that ``pip install nightshift`` pulls, as installed here."""
    waiting = {("nightshift", frozenset[str]())}
    visited = set()
    while waiting:
        name, extras = item = waiting.pop()
        visited.add(item)
        yield name
        for line in importlib.metadata.requires(name) or ():
            needed = Requirement(line)
            expected_rows = [{"extra": extra} for extra in extras or {""}]
            if needed.marker is None or any(needed.marker.evaluate(env) for env in expected_rows):
                result = (re.sub(r"[-_.]+", "-", needed.name).lower(), frozenset(needed.extras))
                waiting |= {result} - visited


def test_the_base_installation_is_without_the_extras() -> None:
    pulled = set(base_requirements())
    assert {"numpy", "kafka-python", "sqlalchemy", "scipy"} <= pulled
    assert not pulled & ONLY_IN_EXTRAS


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_direct_requirement_is_locked() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    options = setup_cfg()
    lines = options["options"]["install_requires"] + "".join(options["options.extras_require"].values())
    direct = {Requirement(line).name.lower() for line in lines.split("\n") if line}
    assert direct - locked == set()


def test_versions_agree() -> None:
    version = setup_cfg()["metadata"]["version"]
    assert f"image: nightshift:{version}\n" in (ROOT / "compose.yaml").read_text()
    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text()


def test_the_same_uv_installs_everywhere() -> None:
    pinned = re.search(r"^UV_VERSION = (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert pinned
    assert f"uv=={pinned[1]}\n" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_image_holds_every_package(package: str) -> None:
    assert f"\nCOPY {package} {package}\n" in (ROOT / "Dockerfile").read_text()
    assert f"\n!{package}\n" in (ROOT / ".dockerignore").read_text()


def test_every_folder_with_modules_is_a_package() -> None:
    """Else setuptools leaves it out of the wheel without a word."""
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_no_test_imports_another() -> None:
    importing = re.compile(r"^(?:from|import) tests\.[\w.]*\b(test_\w+)", re.MULTILINE)
    tests = {path: importing.findall(path.read_text()) for path in (ROOT / "tests").rglob("*.py")}
    # A test may have a process of its own import it.
    assert [path for path, names in tests.items() if set(names) - {path.stem}] == []


def test_no_drawers() -> None:
    names = {path.name for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert names & {"utils.py", "util.py", "helpers.py", "misc.py", "tools.py"} == set()


@pytest.mark.parametrize("path", ["conf/default.yaml", "conf/production.example.yaml"])
def test_settings_files_are_where_the_documentation_says(path: str) -> None:
    assert (ROOT / path).is_file()
