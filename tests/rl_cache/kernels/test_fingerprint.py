"""The folder of compiled code is another one as soon as anything changes that was compiled in."""

import importlib
import sys

import pytest

from rl_cache.kernels.jit import _content, fingerprint

POLICY = """
from plugin import helper
from plugin.types import State
from rl_cache.kernels.jit import kernel

@kernel
def half(value: float) -> float:
    return helper.scaled(value) / 2

def closed_over(inner):
    @kernel
    def outer(state: State) -> float:
        return inner(state.first) + helper.OFFSET
    return outer

outer = closed_over(half)
"""
HELPER = """
from plugin.constants import OFFSET
from rl_cache.kernels.jit import kernel

@kernel
def scaled(value: float) -> float:
    return value * 3
"""
TYPES = """
from typing import NamedTuple

class State(NamedTuple):
    first: float
    second: float
"""
FILES = {"policy": POLICY, "helper": HELPER, "types": TYPES, "constants": "OFFSET = 1.0\n", "__init__": ""}


@pytest.fixture
def fingerprint_of(tmp_path, monkeypatch):
    """The fingerprint of ``outer`` in a package of these files, where one is replaced."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "plugin").mkdir()

    def of(**changed):
        for name, text in (FILES | changed).items():
            (tmp_path / "plugin" / f"{name}.py").write_text(text)
        for name in [name for name in sys.modules if name.partition(".")[0] == "plugin"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        _content.cache_clear()
        return fingerprint(importlib.import_module("plugin.policy").outer)

    return of


def test_it_is_the_same_for_the_same_code(fingerprint_of):
    assert fingerprint_of() == fingerprint_of()


@pytest.mark.parametrize(
    "changed",
    [
        {"policy": POLICY.replace("/ 2", "/ 4")},
        {"helper": HELPER.replace("* 3", "* 5")},
        {"types": TYPES.replace("first: float\n    second", "second: float\n    first")},
        {"constants": "OFFSET = 2.0\n"},
    ],
    ids=["own file", "called in another file", "order of fields", "constant of a third file"],
)
def test_it_follows_what_is_compiled_in(fingerprint_of, changed):
    assert fingerprint_of(**changed) != fingerprint_of()


def test_it_does_not_look_at_what_is_not_compiled_in(fingerprint_of):
    assert fingerprint_of(__init__="NAME = 'plugin'\n") == fingerprint_of()
