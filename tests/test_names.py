"""Names say what a thing is: placeholder nouns are rare, and become rarer."""

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACEHOLDERS = {"one", "ones", "found", "told", "said", "mine", "some", "asked", "wanted", "written", "whose", "thing"}
PLACEHOLDERS |= {"things", "beside", "sight", "lesson", "stuff"}
BUDGETS = {
    "conf": 0.1,
    "streams": 0.1,
    "dqm": 0.1,
    "rl_cache": 0.1,
    "opint": 0.1,
    "tests": 0.2,
    "benchmarks": 0.1,
}
"""Percent of the uses of names in a folder that may be placeholders. A budget only falls: lower it with the share."""
SLACK = 0.3


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def share(package: str) -> float:
    uses = [
        name
        for path in (ROOT / package).rglob("*.py")
        for name in names(ast.parse(path.read_text()))
        if name not in vars(builtins)
    ]
    return 100 * sum(name.strip("_").lower() in PLACEHOLDERS for name in uses) / len(uses)


@pytest.mark.parametrize("package", BUDGETS)
def test_placeholder_names_keep_to_a_budget_that_only_falls(package: str) -> None:
    percent = share(package)
    assert percent <= BUDGETS[package], f"{percent:.2f} % of the names in {package} are placeholders"
    assert percent >= BUDGETS[package] - SLACK, f"lower the budget of {package} to {percent:.2f} %"
