"""The files of a bundle: a manifest and archives of plain arrays, whole or not at all, verified by SHA-256.

Nothing that is loaded is executed: archives hold no pickled objects.
"""

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from conf.errors import NightshiftError
from streams.arrays import NamedArrays

MANIFEST = "manifest.json"
MOST_BYTES = 4 * 1024**3
"""A file larger than this is refused before it is read."""


class BundleError(NightshiftError):
    """A bundle cannot be read, is damaged, or was made by another version of the program."""


class TrainingError(NightshiftError):
    """The data do not suffice to train a bundle, or contradict themselves."""


def read(path: Path, made_by: str = "nightshift train histograms") -> bytes:
    """Content of a file of a bundle; raises BundleError, naming what bundles are ``made_by``, if it cannot be read."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise BundleError(f"{path} has {size} bytes, more than a bundle's file may have; train a new bundle")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read ({error.strerror}); make a bundle with `{made_by}`, or set dqm.models"
        ) from error


def verified(folder: Path, name: str, digest: str) -> NamedArrays:
    """NamedArrays of the archive ``name``, whose SHA-256 has to be ``digest``; raises BundleError."""
    if Path(name).name != name:
        raise BundleError(f"{folder / MANIFEST}: file {name!r} lies outside the bundle; do not use it")
    content = read(folder / name)
    if hashlib.sha256(content).hexdigest() != digest:
        raise BundleError(f"{folder / name} differs from what the manifest says; restore it or train a new bundle")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive_file:
            return {key: archive_file[key] for key in archive_file.files}
    except (ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{folder / name} holds no plain arrays ({error}); train a new bundle") from error


def archive(arrays: NamedArrays) -> bytes:
    """NamedArrays as a file."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def below(arrays: NamedArrays, prefix: str) -> NamedArrays:
    """The arrays whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """All files or none: they are written beside the folder, which is then swapped."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in contents.items():
            with (fresh / name).open("wb") as file:
                file.write(content)
                os.fsync(file.fileno())
        fresh.chmod(0o755)
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
            folder.rename(old / folder.name)
            fresh.rename(folder)
            shutil.rmtree(old)
        else:
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
