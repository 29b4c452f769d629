"""What the documentation names exists: links, commands and their options, settings, variables, make targets."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from conf.keys import dotted, fields, is_secret, sections, variable
from conf.loader import NO_SETTINGS
from opint.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLES = [*PAGES, ROOT / "compose.yaml", *sorted((ROOT / "deploy").glob("*.service")), *ROOT.glob("conf/*.yaml")]
NOT_KEYS = {"dqm.histograms", "cache.accesses"}
"""Look like settings keys, but are topics."""

names = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
examples = pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(text: str) -> Iterator[str]:
    """Lines of fenced code, without what stands behind a ``#``."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            yield line.partition(" #")[0].strip()


def inline(text: str) -> Iterator[str]:
    """What stands between single backticks outside of fenced code."""
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def commands(text: str, word: str) -> Iterator[str]:
    """Everything that begins with ``word``, in code."""
    return (code for code in [*blocks(text), *inline(text)] if code.startswith(f"{word} "))


def anchors(page: Path) -> set[str]:
    """Names of the headings as a link writes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@names
def test_relative_links_resolve(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def refusal(words: list[str]) -> str:
    """Why the command line would not take these words; empty if it would."""
    command: Any = typer.main.get_command(app)
    path = "nightshift"
    while words and words != ["--help"] and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return f"{path} has no command {words[0]!r}"
        path, command = f"{path} {words[0]}", command.commands[words[0]]
        words = words[1:]
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help"}
    unknown_options = [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]
    return f"{path} has no option {unknown_options[0]}" if unknown_options else ""


@names
def test_commands_exist(page: Path) -> None:
    results = [code for code in commands(page.read_text(), "nightshift") if "|" not in code]
    refused = {code: why for code in results if (why := refusal(shlex.split(code)[1:]))}
    assert refused == {}


def test_an_unknown_command_would_be_noticed() -> None:
    assert refusal(["incidents", "forget"]) == "nightshift incidents has no command 'forget'"
    assert refusal(["run", "--fast"]) == "nightshift run has no option --fast"
    assert refusal(["run", "--config", "x.yaml"]) == ""


@names
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {code.split()[1] for code in commands(page.read_text(), "make") if code.split()[1].islower()}
    assert used - targets == set()


def is_code(name: str) -> bool:
    """Whether a dotted name is a module of ours or something in one."""
    parts = name.split(".")
    paths = [ROOT.joinpath(*parts[:length]) for length in range(2, len(parts) + 1)]
    return any(path.is_dir() or path.with_suffix(".py").exists() for path in paths)


@names
def test_settings_exist(page: Path) -> None:
    setting_names = {dotted(key) for key in [*fields(), *sections()]} | NOT_KEYS
    outermost = "|".join(sorted({key[0] for key in fields()}))
    keys = {code for code in inline(page.read_text()) if re.fullmatch(rf"({outermost})(\.[a-z_]+)+", code)}
    assert {key for key in keys - setting_names if not is_code(key)} == set()


@examples
def test_variables_exist(page: Path) -> None:
    variables = {variable(key) for key in fields()} | {f"{variable(key)}_FILE" for key in fields() if is_secret(key)}
    used = set(re.findall(r"NIGHTSHIFT_[A-Z_]*[A-Z]", page.read_text()))
    assert used - variables - NO_SETTINGS == set()


@names
def test_metrics_exist(page: Path) -> None:
    sources = [ROOT / "streams/metrics.py", *sorted((ROOT / "opint").rglob("*.py"))]
    metrics = set(re.findall(r'"(nightshift_[a-z_]+)"', "".join(path.read_text() for path in sources)))
    used = {code.partition("{")[0] for code in inline(page.read_text()) if code.startswith("nightshift_")}
    assert {name for name in used if name not in metrics and name.removesuffix("_total") not in metrics} == set()
