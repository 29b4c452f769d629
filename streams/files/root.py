"""ROOT files in the folder layout of CMS DQM, or in a site's own, read by uproot.

``DQMData/Run N/SUBSYSTEM/Run summary/PATH`` holds a histogram of the whole run (LS 0), called
``SUBSYSTEM/Run summary/PATH`` as is usual; ``DQMData/Run N/SUBSYSTEM/By Lumi Section A-A/PATH`` one of
lumisection A, called ``SUBSYSTEM/PATH``. TH1 and TH2 of any number type are read. Of each name the newest cycle counts.
Texts are passed over; of profiles and other objects that are no counts, and of histograms in other folders, one line
says that they were not read. Files called ``DQM_V0001_R000355374__Primary__Era-v1__TIER.root`` name their dataset. An
axis whose bins all have labels, all different, becomes one of categories. Other folders and names are those of
:class:`streams.files.layout.FileLayout`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import uproot

from streams.codecs.envelope import Envelope, lumisection_key
from streams.codecs.limits import Limits
from streams.codecs.values import check_text, legible, printable
from streams.errors import DecodeError
from streams.files.assemble import Histogram, Row, group, histogram_of_cells, placed
from streams.files.layout import FileLayout
from streams.records import Axis, Conditions, HistogramBatch, MonitoringElement

_CLASS = re.compile(r"TH[12][CSIFDL]")
_FOLDERS = ("TDirectory", "TDirectoryFile")
_MAGIC = b"root"
_DEEPEST = 64
_WHOLE_RUN = re.compile(r"(?:.*/)?DQMData/Run (?P<run>\d+)/(?P<subsystem>[^/]+)/Run summary/(?P<rest>.+)", re.DOTALL)
_PER_LS = re.compile(
    r"(?:.*/)?DQMData/Run (?P<run>\d+)/(?P<subsystem>[^/]+)/By Lumi Section (?P<ls>\d+)-(?P<last>\d+)/(?P<rest>.+)",
    re.DOTALL,
)
_DATASET = re.compile(r"DQM_V\d+_\w*?R\d+__(.+)__(.+)__([^_]+)\.root")
_DQMIO = {"Indices", "TH1Fs", "TH2Fs"}


def read(path: Path, limits: Limits, layout: FileLayout) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of neighbouring histograms of one lumisection; raises OSError if the file cannot be read.

    One histogram at a time is read; one that cannot be is reported, and reading goes on with the next.
    """
    # Opened here because uproot takes a path for a URL, and its messages for a missing file are long.
    with path.open("rb") as raw:
        begin = raw.read(len(_MAGIC))
        if begin != _MAGIC:
            yield DecodeError("bad-root", path.name, begin, f"a ROOT file begins with {_MAGIC!r}")
            return
        yield from group(_rows(raw, path, limits, layout), limits)


def _rows(raw: BinaryIO, path: Path, limits: Limits, layout: FileLayout) -> Iterator[Row | DecodeError]:
    rows, other, example = 0, Counter[str](), ""
    try:
        with uproot.open(raw) as file:
            for name, key in _objects(file):
                located = _located(name, path.name, layout)
                if located is None or not _CLASS.fullmatch(key.fClassName):
                    if key.fClassName != "TObjString":
                        other[key.fClassName] += 1
                        example = example or name
                    continue
                rows += 1
                limits.check_histograms(rows, "file")
                dataset = _dataset(path.name, layout)
                yield _row(key, located, dataset, printable(f"{path.name} {name}"), limits)
    except DecodeError as error:
        yield placed(error, path.name)
    # A damaged file makes uproot fail in ways that have no common base.
    except Exception as error:
        yield DecodeError("bad-root", path.name, _first_line(error))
    else:
        if not rows:
            yield _no_histograms(path, file, other)
        elif other:
            objects = ", ".join(f"{count} {kind}" for kind, count in sorted(other.items()))
            hint = f"such as {example!r}; TH1 and TH2 in the folders of the layout are read"
            yield DecodeError("not-read", path.name, objects, hint)


def _objects(folder: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Path and key of what stands in a folder and those below it; of a histogram's cycles only the newest.

    Keys are not looked up by their names, in which uproot gives colons, semicolons and slashes a meaning.
    """
    if depth > _DEEPEST:
        raise DecodeError("nested-too-deeply", "folders", path, f"at most {_DEEPEST} are read")
    # uproot's public way to its keys goes by names.
    keys = folder._keys
    newest: dict[tuple[str, bool], int] = {}
    for key in keys:
        identity = (key.fName, bool(_CLASS.fullmatch(key.fClassName)))
        newest[identity] = max(newest.get(identity, 0), key.fCycle)
    for key in keys:
        name = path + _text(key.fName)
        is_histogram = bool(_CLASS.fullmatch(key.fClassName))
        if key.fClassName in _FOLDERS:
            yield from _objects(key.get(), f"{name}/", depth + 1)
        elif not is_histogram or key.fCycle == newest[key.fName, is_histogram]:
            yield name, key


def _located(name: str, file_name: str, layout: FileLayout) -> Mapping[str, str] | None:
    """Run, LS, subsystem and ME of a path as texts; None if it lies in no known folder."""
    if layout.root_path is not None:
        match = layout.root_path.fullmatch(name)
        of_file = layout.root_file.fullmatch(file_name) if layout.root_file is not None else None
        if match is None or (layout.root_file is not None and of_file is None):
            return None
        fields = (of_file.groupdict() if of_file is not None else {}) | match.groupdict()
        subsystem = fields.get("subsystem", layout.subsystem)
        return {"ls": "0"} | fields | {"subsystem": subsystem, "me": f"{subsystem}/{fields['me']}"}
    if whole := _WHOLE_RUN.fullmatch(name):
        return whole.groupdict() | {"ls": "0", "me": f"{whole['subsystem']}/Run summary/{whole['rest']}"}
    if part := _PER_LS.fullmatch(name):
        return part.groupdict() | {"me": f"{part['subsystem']}/{part['rest']}"}
    return None


def _no_histograms(path: Path, file: Any, other: Counter[str]) -> DecodeError:
    if _DQMIO & {_text(key.fName) for key in file._keys}:
        hint = "trees are not read: harvest it (cmsDriver.py step4 -s HARVESTING), which makes a DQM_V*.root of it"
        return DecodeError("no-histograms", path.name, "DQMIO", hint)
    there = ", ".join(f"{count} {kind}" for kind, count in sorted(other.items()))
    hint = "TH1 or TH2 under DQMData/Run N/SUBSYSTEM/Run summary, or under stream.files.root_path, are needed"
    return DecodeError("no-histograms", path.name, there or 0, hint)


def _row(key: Any, located: Mapping[str, str], dataset: str, place: str, limits: Limits) -> Row | DecodeError:
    try:
        # The key tells the size of the uncompressed histogram before it is read.
        limits.check_bytes(int(key.fObjlen), "histogram")
        if _number(located, "last" if "last" in located else "ls") != _number(located, "ls"):
            section = f"{located['ls']}-{located['last']}"
            raise DecodeError("several-lumisections", "By Lumi Section", section, "a folder of a single one is needed")
        lumisection = lumisection_key(_number(located, "run"), _number(located, "ls"))
        subsystem = check_text(printable(located["subsystem"]), "subsystem")
        envelope = Envelope(lumisection, check_text(dataset, "dataset"), subsystem, Conditions())
        return Row(envelope, _histogram(key.get(), printable(located["me"]), limits), place)
    except DecodeError as error:
        return placed(error, place)
    except Exception as error:
        return DecodeError("bad-root", place, _first_line(error))


def _number(located: Mapping[str, str], field: str) -> int:
    digits = located[field].lstrip("0")
    if len(digits) > 18:
        raise DecodeError("looks-like-a-time", field, located[field])
    return int(digits or "0")


def _dataset(file_name: str, layout: FileLayout) -> str:
    named = _DATASET.fullmatch(file_name)
    return layout.dataset if named is None else f"/{named[1]}/{named[2]}/{named[3]}"


def _histogram(raw: Any, me: str, limits: Limits) -> Histogram:
    cells = np.asarray(raw.values(flow=True))
    if cells.dtype.kind == "i":
        cells = cells.astype(np.int64)
    axes = tuple(_axis(axis) for axis in raw.axes)
    return histogram_of_cells(MonitoringElement(me, axes), cells, float(raw.member("fEntries")), limits)


def _axis(raw: Any) -> Axis:
    bins, label = int(raw.member("fNbins")), legible(_text(raw.member("fTitle")))
    lower, upper = float(raw.member("fXmin")), float(raw.member("fXmax"))
    names = _categories(list(raw.member("fLabels") or ()), bins)
    if names is not None:
        return Axis(bins, lower, upper, label, categories=names)
    edges = tuple(map(float, raw.member("fXbins")))
    return Axis(bins, lower, upper, label, edges=edges or None)


def _categories(labels: list[Any], bins: int) -> tuple[str, ...] | None:
    """The label of each bin in order, None unless all have one of their own.

    The list is in any order: a label's unique id is the number of its bin. uproot itself writes labels without one.
    """
    names = [legible(_text(str(label))) for label in labels]
    numbers = [int(label.member("@fUniqueID")) for label in labels]
    if any(numbers):
        names = [name for _, name in sorted(zip(numbers, names, strict=True))]
        if sorted(numbers) != list(range(1, bins + 1)):
            return None
    return tuple(names) if len(set(names)) == bins == len(names) and all(names) else None


def _text(raw: str) -> str:
    """Text of ROOT's bytes, which know no encoding: uproot takes them for UTF-8, and what is none is Latin-1."""
    return raw if raw.isascii() else _decoded(raw.encode("utf-8", "surrogateescape"))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]
