"""ROOT files in the folder layout of CMS DQM, read by uproot.

``DQMData/Run N/SUBSYSTEM/Run summary/PATH`` holds a histogram of the whole run (LS 0), called
``SUBSYSTEM/Run summary/PATH`` as is usual; ``DQMData/Run N/SUBSYSTEM/By Lumi Section A-A/PATH`` one of
lumisection A, called ``SUBSYSTEM/PATH``. TH1 and TH2 of any number type are read; profiles, texts and
trees, which are no counts, are not. Files called ``DQM_V0001_R000355374__Primary__Era-v1__TIER.root`` name
their dataset. An axis whose bins all have labels, all different, becomes one of categories.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import uproot

from streams.codecs.checks import check_text
from streams.codecs.envelope import Envelope, lumisection_key
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.files.assemble import UNKNOWN_DATASET, Histogram, Row, group, histogram_of_cells, placed
from streams.records import Axis, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

_CLASS = re.compile(r"TH[12][CSIFDL]")
_WHOLE_RUN = re.compile(r"(?:.*/)?DQMData/Run (\d+)/([^/]+)/Run summary/(.+)")
_PER_LS = re.compile(r"(?:.*/)?DQMData/Run (\d+)/([^/]+)/By Lumi Section (\d+)-(\d+)/(.+)")
_DATASET = re.compile(r"DQM_V\d+_\w*?R\d+__(.+)__(.+)__([^_]+)\.root")


def read(path: Path, limits: Limits) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of neighbouring histograms of one lumisection; raises OSError if the file cannot be read.

    One histogram at a time is read; one that cannot be is reported, and reading goes on with the next.
    """
    # Opened here because uproot takes a path for a URL, and its messages for a missing file are long.
    with path.open("rb") as raw:
        yield from group(_rows(raw, path, limits), limits)


def _rows(raw: BinaryIO, path: Path, limits: Limits) -> Iterator[Row | DecodeError]:
    rows = 0
    try:
        with uproot.open(raw) as file:
            for name in _names(file, limits):
                rows += 1
                yield _row(file, name, path, limits)
    except DecodeError as error:
        yield placed(error, path.name)
    # A damaged file makes uproot fail in ways that have no common base.
    except Exception as error:
        yield DecodeError("bad-root", path.name, f"{type(error).__name__}: {error}")
    else:
        if not rows:
            hint = "TH1 or TH2 under DQMData/Run N/SUBSYSTEM/Run summary are needed"
            yield DecodeError("no-histograms", path.name, 0, hint)


def _names(file: Any, limits: Limits) -> Iterator[str]:
    """Paths of the histograms in DQM folders."""
    count = 0
    for name, kind in file.iterclassnames(recursive=True, cycle=False):
        if _CLASS.fullmatch(kind) and _located(name) is not None:
            count += 1
            limits.check_histograms(count, "file")
            yield name


def _located(name: str) -> tuple[str, str, str, str] | None:
    """Run, LS as a range, subsystem and ME of a path, None if it lies in no DQM folder."""
    if whole := _WHOLE_RUN.fullmatch(name):
        run, subsystem, rest = whole.groups()
        return run, "0-0", subsystem, f"{subsystem}/Run summary/{rest}"
    if part := _PER_LS.fullmatch(name):
        run, subsystem, first, last, rest = (part[1], part[2], part[3], part[4], part[5])
        return run, f"{first}-{last}", subsystem, f"{subsystem}/{rest}"
    return None


def _row(file: Any, name: str, path: Path, limits: Limits) -> Row | DecodeError:
    place = f"{path.name} {name}"
    try:
        # The key tells the size of the uncompressed histogram before it is read.
        limits.check_bytes(int(file.key(name).fObjlen), "histogram")
        run, section, subsystem, me = _located(name) or ("", "", "", "")
        dataset = check_text(_dataset(path), "dataset")
        envelope = Envelope(_key(run, section), dataset, check_text(subsystem, "subsystem"), Conditions())
        return Row(envelope, _histogram(file[name], me, limits), place)
    except DecodeError as error:
        return placed(error, place)
    except Exception as error:
        return DecodeError("bad-root", place, f"{type(error).__name__}: {error}")


def _key(run: str, section: str) -> LumisectionKey:
    first, _, last = section.partition("-")
    if first != last:
        raise DecodeError("several-lumisections", "By Lumi Section", section, "a folder of a single one is needed")
    return lumisection_key(int(run), int(first))


def _dataset(path: Path) -> str:
    named = _DATASET.fullmatch(path.name)
    return UNKNOWN_DATASET if named is None else f"/{named[1]}/{named[2]}/{named[3]}"


def _histogram(raw: Any, me: str, limits: Limits) -> Histogram:
    cells = np.asarray(raw.values(flow=True))
    if cells.dtype.kind == "i":
        cells = cells.astype(np.int64)
    axes = tuple(_axis(axis) for axis in raw.axes)
    return histogram_of_cells(MonitoringElement(me, axes), cells, float(raw.member("fEntries")), limits)


def _axis(raw: Any) -> Axis:
    bins, label = int(raw.member("fNbins")), str(raw.member("fTitle"))
    lower, upper = float(raw.member("fXmin")), float(raw.member("fXmax"))
    names = tuple(map(str, raw.labels() or ()))
    if len(set(names)) == bins and all(names):
        return Axis(bins, lower, upper, label, categories=names)
    edges = tuple(map(float, raw.member("fXbins")))
    return Axis(bins, lower, upper, label, edges=edges or None)
