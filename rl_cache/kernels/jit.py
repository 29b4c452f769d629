"""Compilation with numba, typed, with a cache on disk that notices changes in what is compiled in.

numba compiles an entry anew when the entry's own file changes, but not when a function changes that it calls
in another file. So the cache of compiled code lies in a folder named after the content of this package.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_HERE = Path(__file__).parent
_Function = TypeVar("_Function", bound=Callable[..., object])


def _fingerprint() -> str:
    content = b"".join(path.read_bytes() for path in sorted(_HERE.glob("*.py")))
    return hashlib.sha256(content).hexdigest()[:16]


def _folder() -> Path:
    """NUMBA_CACHE_DIR or the user's cache folder; numba falls back to ``__pycache__`` where it cannot write."""
    chosen = os.environ.get("NUMBA_CACHE_DIR") or Path.home() / ".cache" / "nightshift" / "numba"
    return Path(chosen) / _fingerprint()


numba.config.CACHE_DIR = str(_folder())  # type: ignore[attr-defined]  # made from the environment at import


# Without numba's memory management, since counting references to the arrays of a state costs more than a request
# does (GDSF ran at a third of its speed). So compiled code cannot make arrays; a state brings all that it needs.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}


def kernel(function: _Function) -> _Function:
    """Compile as a part of what calls it."""
    return cast(_Function, numba.njit(**_OPTIONS)(function))


def entry(function: _Function) -> _Function:
    """Compile for calls from Python, and keep the result on disk."""
    return cast(_Function, numba.njit(cache=True, nogil=True, **_OPTIONS)(function))
