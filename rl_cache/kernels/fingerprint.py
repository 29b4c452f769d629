"""What the machine code of a function is made from, as one short word: it changes whenever that does.

Looked at are the source files of all compiled functions that are called, directly or not, of the types of their
arguments, and the values of the constants that they take from elsewhere.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

_CONSTANT = (bool, int, float, complex, str, bytes, tuple)


def fingerprint(function: Callable[..., object]) -> str:
    """Of this function, as it is when all that it refers to has been defined."""
    files: set[str] = set()
    constants: set[str] = set()
    seen: set[Callable[..., object]] = set()
    waiting = [function]
    while waiting:
        called = waiting.pop()
        if called in seen:
            continue
        seen.add(called)
        files.add(inspect.getfile(called))
        for name, value in _references(called):
            if inspect.isfunction(source := getattr(value, "py_func", None)):
                waiting.append(source)
            elif isinstance(value, type):
                files.add(getattr(sys.modules.get(value.__module__), "__file__", None) or "")
            elif isinstance(value, _CONSTANT):
                constants.add(f"{name} = {value!r}")
    content = sorted(_content(file) for file in files) + sorted(constants)
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]


def _references(function: Callable[..., object]) -> Iterator[tuple[str, Any]]:
    """The types of its arguments, and what its code names: of closures, of the module, and of modules named there."""
    yield from inspect.get_annotations(function).items()
    variables = inspect.getclosurevars(function)
    for name, value in (*variables.nonlocals.items(), *variables.globals.items()):
        yield name, value
        if isinstance(value, ModuleType):
            inner = [attribute for attribute in function.__code__.co_names if hasattr(value, attribute)]
            yield from ((f"{name}.{attribute}", getattr(value, attribute)) for attribute in inner)


@cache
def _content(file: str) -> str:
    path = Path(file)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else file
