"""Compilation with numba, typed, with a cache on disk that no other code can be taken from.

numba's own cache goes wrong in two ways, and both are mended here.

A compiled function is a symbol made of its name, the types of its arguments and a number, and numba counts these
numbers from 1 in every process (``FunctionIdentity._unique_ids``). Closures of one function have one name, so two
processes can give one symbol to different policies; a third process that loads both from disk runs the first for both
(github.com/numba/numba/issues/10486). So numbers are drawn at random here, for all that numba compiles in this process.

numba compiles an entry anew when the entry's own file changes, but not when another file changes whose functions,
constants or types are compiled into it. So what is compiled of an entry lies in a folder named after its fingerprint:
the source files of all compiled functions that it calls, directly or not, and of the types of their arguments, and the
values of the constants that they take from elsewhere.
"""

import hashlib
import inspect
import os
import secrets
import struct
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.bytecode import FunctionIdentity
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic, overload, register_jitable

_CONSTANT = (bool, int, float, complex, str, bytes, tuple)


def fingerprint(function: Callable[..., object]) -> str:
    """One short word for what its machine code is made from, once all that it refers to has been defined."""
    files: set[str] = set()
    constants: set[str] = set()
    visited: set[Callable[..., object]] = set()
    waiting = [function]
    while waiting:
        called = waiting.pop()
        if called in visited:
            continue
        visited.add(called)
        files.add(inspect.getfile(called))
        for name, value in _references(called):
            if inspect.isfunction(value):
                waiting.append(value)
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


_Function = TypeVar("_Function", bound=Callable[..., object])

_SYMBOL_BITS = 96
"""So many that two symbols of one name never meet; without a state that a forked process would share."""


def _random_symbols() -> bool:
    """Whether numba takes random numbers for its symbols; False where another numba makes them in another way."""
    if not isinstance(getattr(FunctionIdentity, "_unique_ids", None), Iterator):
        return False
    numbers = iter(lambda: secrets.randbits(_SYMBOL_BITS), None)
    FunctionIdentity._unique_ids = numbers  # type: ignore[assignment]  # numba only takes the next one
    identity = FunctionIdentity.from_function(_random_symbols)  # type: ignore[no-untyped-call]
    return bool(identity.unique_id > 2**32)


_SAFE_ON_DISK = _random_symbols()
"""Without unique symbols nothing is kept on disk: slow at each start, and right."""

# Without numba's memory management, since counting references to the arrays of a state costs more than a request
# does (GDSF ran at a third of its speed). So compiled code cannot make arrays; a state brings all that it needs.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}


def kernel(function: _Function) -> _Function:
    """Compile into what calls it: to hand over a state, which has dozens of arrays, costs more than most calls do.

    For Python it stays an ordinary function: a way in from there would take as long to compile as the function itself,
    and nobody calls kernels from there.
    """
    plain: _Function = register_jitable(no_cfunc_wrapper=True, forceinline=True, **_OPTIONS)(function)
    return plain


def subroutine(function: _Function) -> _Function:
    """Compile once for all places that call it: for what is long, since copies of it take long to compile."""
    plain: _Function = register_jitable(no_cfunc_wrapper=True, **_OPTIONS)(function)
    return plain


def bits_of(value: float) -> int:
    """The bits of a float64, as an integer."""
    return cast(int, struct.unpack("<q", struct.pack("<d", value))[0])


def float_of(bits: int) -> float:
    """The float64 with these bits."""
    return cast(float, struct.unpack("<d", struct.pack("<q", bits))[0])


def _bitcast(source: Any, target: Any, target_bits: ir.Type) -> Any:
    """A function of compiled code that takes the same bits for another type."""

    @intrinsic
    def reinterpret(_context: Any, _value: Any) -> Any:
        return target(source), lambda _, builder, __, args: builder.bitcast(args[0], target_bits)

    return reinterpret


_float_to_int = _bitcast(types.float64, types.int64, ir.IntType(64))
_int_to_float = _bitcast(types.int64, types.float64, ir.DoubleType())


# numba wants the names and types of the arguments to be those of the implementation.
@overload(bits_of, jit_options=cast(Any, _OPTIONS))
def _bits_of(value: Any) -> Any:  # noqa: ARG001
    def compiled(value: Any) -> Any:
        return _float_to_int(value)

    return compiled


@overload(float_of, jit_options=cast(Any, _OPTIONS))
def _float_of(bits: Any) -> Any:  # noqa: ARG001
    def compiled(bits: Any) -> Any:
        return _int_to_float(bits)

    return compiled


def entry(function: _Function) -> _Function:
    """Compile for calls from Python, and keep the result on disk.

    The folder is NUMBA_CACHE_DIR or the user's cache folder. Where it cannot be written, or where the function does
    not come from a file, code is compiled anew in each process.
    """
    compiled = numba.njit(nogil=True, **_OPTIONS)(function)
    # numba locks while it compiles, but not while it loads from disk, which changes the types that another thread
    # compiles with (KeyError in get_impl_key).
    compiled._compile_for_args = global_compiler_lock(compiled._compile_for_args)
    if _SAFE_ON_DISK and Path(inspect.getfile(function)).is_file() and (folder := _folder(function)):
        before = numba.config.CACHE_DIR  # type: ignore[attr-defined]  # made from the environment at import
        numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]
        compiled.enable_caching()
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]
    return cast(_Function, compiled)


def _folder(function: Callable[..., object]) -> str:
    """Where the code of this function is kept, empty where nothing can be written."""
    chosen = numba.config.CACHE_DIR or Path.home() / ".cache" / "nightshift" / "numba"  # type: ignore[attr-defined]
    folder = Path(chosen) / fingerprint(function)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""
