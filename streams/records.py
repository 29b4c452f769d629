"""Frozen records: what travels, decoded.

A batch is columnar: the monitoring elements (MEs) of one subsystem in one lumisection (LS), with the
counts of all MEs of one shape in one matrix, so that scorers work on matrices and never on single
histograms. The list of MEs (the *catalogue*) hardly ever changes and is shared between batches.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.errors import DecodeError
from streams.keys import LumisectionKey as LumisectionKey  # noqa: PLC0414 - re-exported
from streams.keys import Partition as Partition  # noqa: PLC0414 - re-exported

Counts = npt.NDArray[np.float32] | npt.NDArray[np.int64]

LUMISECTION_SECONDS = 23.31
"""Length of one lumisection: 2**18 LHC orbits of 88.924 µs."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the machine and the detector did during one lumisection; None where it is not known.

    ``pileup`` is the mean number of interactions per crossing, luminosities are in 1/pb for the
    lumisection, ``dcs`` maps a detector part to its ready bit. ``prescale_name`` names the column whose number
    ``prescale_index`` is: numbers change with the menu, names hardly do.
    """

    fill: int | None = None
    era: str | None = None
    pileup: float | None = None
    delivered_lumi: float | None = None
    recorded_lumi: float | None = None
    prescale_index: int | None = None
    beams_stable: bool | None = None
    dcs: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    prescale_name: str | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """One histogram axis: ``bins`` cells between ``lower`` and ``upper``.

    ``edges`` (bins + 1 numbers) is given for unequal cells, ``categories`` for named ones.
    """

    bins: int
    lower: float
    upper: float
    label: str = ""
    edges: tuple[float, ...] | None = None
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class MonitoringElement:
    """Name (a path such as ``PixelPhase1/Tracks/charge``) and axes of one histogram, without its counts."""

    name: str
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Bins along each axis, flow bins left out."""
        return tuple(axis.bins for axis in self.axes)

    @property
    def group(self) -> str:
        """The folder the ME lies in: what is likely to fail together."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Block:
    """The rows ``start:stop`` of a catalogue: MEs that share one shape, and so one matrix of counts."""

    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def bins(self) -> int:
        """Cells of one histogram of this shape."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Catalogue:
    """The MEs of one subsystem in canonical order: by shape, then by name; names are unique.

    Everything packed "in catalogue order" follows it. Build it with :meth:`of`.
    """

    elements: tuple[MonitoringElement, ...]

    @classmethod
    def of(cls, elements: "tuple[MonitoringElement, ...] | list[MonitoringElement]") -> "Catalogue":
        """Sort the elements into canonical order; raise ValueError for a name that stands twice."""
        ordered = tuple(sorted(elements, key=lambda me: (me.shape, me.name)))
        names = [me.name for me in ordered]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"monitoring element {twice[0]!r} stands twice in one catalogue")
        return cls(ordered)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the MEs, in order."""
        return tuple(me.name for me in self.elements)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Row of each ME by name."""
        return {name: row for row, name in enumerate(self.names)}

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Runs of equal shape, in order; they cover all rows."""
        blocks: list[Block] = []
        for row, me in enumerate(self.elements):
            if blocks and blocks[-1].shape == me.shape:
                blocks[-1] = Block(me.shape, blocks[-1].start, row + 1)
            else:
                blocks.append(Block(me.shape, row, row + 1))
        return tuple(blocks)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names and axes: equal digests mean equal catalogues, across processes and releases."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def as_json(self) -> list[dict[str, Any]]:
        """Plain lists and dicts from which :meth:`from_json` builds an equal catalogue."""
        return [
            {
                "me": me.name,
                "axes": [
                    {
                        "bins": axis.bins,
                        "lower": axis.lower,
                        "upper": axis.upper,
                        "label": axis.label,
                        "edges": None if axis.edges is None else list(axis.edges),
                        "categories": None if axis.categories is None else list(axis.categories),
                    }
                    for axis in me.axes
                ],
            }
            for me in self.elements
        ]

    @classmethod
    def from_json(cls, rows: list[dict[str, Any]]) -> "Catalogue":
        """Inverse of :meth:`as_json`."""
        return cls.of([MonitoringElement(row["me"], tuple(_axis(axis) for axis in row["axes"])) for row in rows])

    def __len__(self) -> int:
        """How many MEs."""
        return len(self.elements)


def _axis(row: Mapping[str, Any]) -> Axis:
    return Axis(
        int(row["bins"]),
        float(row["lower"]),
        float(row["upper"]),
        str(row["label"]),
        None if row["edges"] is None else tuple(row["edges"]),
        None if row["categories"] is None else tuple(row["categories"]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class HistogramBatch:
    """Histograms of one subsystem in one lumisection, or a part of them.

    ``counts[i]`` belongs to ``catalogue.blocks[i]``: shape (MEs of the block, bins), C order, 2-D
    histograms flattened, read-only, float32 or int64, finite and non-negative. ``flow`` is
    (MEs, 2) float64: counts below and above the axis range (for 2-D: outside the map, a cell that lies
    below on any axis counts as below). ``entries`` is (MEs,) float64: fills, which may differ from the
    sum of counts. ``unread`` names the histograms of the message that could not be read, and why.
    """

    key: LumisectionKey
    dataset: str
    subsystem: str
    conditions: Conditions
    catalogue: Catalogue
    counts: tuple[Counts, ...]
    flow: npt.NDArray[np.float64]
    entries: npt.NDArray[np.float64]
    unread: tuple[DecodeError, ...] = ()

    def histogram(self, name: str) -> Counts:
        """Flat counts of one ME; raises KeyError if it is not in this batch."""
        row = self.catalogue.index[name]
        for block, counts in zip(self.catalogue.blocks, self.counts, strict=True):
            if block.start <= row < block.stop:
                flat: Counts = counts[row - block.start]
                return flat
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class FileAccess:
    """One read of a file through a cache.

    ``time`` is in seconds since 1970, ``size`` in bytes. ``cpu_time`` and ``io_time`` are those of the job that
    read, in seconds; ``task`` is what it belongs to (``jediTaskID`` of PanDA) and ``user`` who runs it (a DN or a
    name). What is not known is empty or None. ``tier`` is the data tier (RAW, AOD, MINIAOD …).
    """

    time: float
    file: str
    dataset: str
    size: int
    site: str = ""
    cpu_time: float | None = None
    io_time: float | None = None
    tier: str = ""
    task: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class AccessBatch:
    """Reads through one cache, in the order in which it served them; ``cache`` is how operators call it."""

    cache: str
    accesses: tuple[FileAccess, ...]


@dataclass(frozen=True)
class TriggerMenu:
    """Which L1 seeds and HLT paths there are, and which seed lets each path run.

    ``seed_of[i]`` is the place in ``l1`` of the seed that path ``hlt[i]`` needs (of several, the one that gives most
    of its events). A path whose seed is not told stands among the ``l1``, with no seed but itself. Names are unique and
    have no version; ``versions`` holds those of all ``names``, 0 for one that has none, and is empty where none has.
    The menu hardly ever changes and is shared between records.
    """

    l1: tuple[str, ...]
    hlt: tuple[str, ...]
    seed_of: tuple[int, ...]
    versions: tuple[int, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names as monitoring elements, ``SEED/SEED`` for a seed and ``SEED/PATH`` for a path: seeds, then paths."""
        paths = zip(self.hlt, self.seed_of, strict=True)
        return (*(f"{seed}/{seed}" for seed in self.l1), *(f"{self.l1[seed]}/{path}" for path, seed in paths))

    @cached_property
    def catalogue(self) -> Catalogue:
        """Each rate as a monitoring element without axes in the folder of its seed; ValueError for a name twice."""
        return Catalogue.of([MonitoringElement(name, ()) for name in self.names])

    @cached_property
    def rows(self) -> npt.NDArray[np.intp]:
        """Row in the catalogue of each of ``names``."""
        return np.array([self.catalogue.index[name] for name in self.names], dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class TriggerRates:
    """Trigger rates of one lumisection.

    ``l1`` (seeds,) and ``hlt`` (paths,) float64 are mean rates in Hz as counted, after prescales and dead time;
    ``l1_prescales`` and ``hlt_prescales`` are those declared: one event in so many is kept, 0 means switched off, NaN
    that it is not told. All others are finite and not negative. Counts are rates times :data:`LUMISECTION_SECONDS`.
    ``unread`` names the rates of the message that could not be read, and why.
    """

    key: LumisectionKey
    dataset: str
    conditions: Conditions
    menu: TriggerMenu
    l1: npt.NDArray[np.float64]
    hlt: npt.NDArray[np.float64]
    l1_prescales: npt.NDArray[np.float64]
    hlt_prescales: npt.NDArray[np.float64]
    unread: tuple[DecodeError, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class EventFeatures:
    """Features of recorded events of one lumisection, or of a part of them.

    ``events`` (n,) int64 are event numbers, unique within a run; ``values`` (n, f) float32 are finite, one column for
    each of ``features`` (names with units, as ``met_gev``). There may be none.
    """

    key: LumisectionKey
    dataset: str
    conditions: Conditions
    features: tuple[str, ...]
    events: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
