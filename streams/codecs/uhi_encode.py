"""Batches written as UHI JSON; the format is described in :mod:`streams.codecs.uhi_json`."""

from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.envelope import ENVELOPE, write_envelope
from streams.codecs.uhi_axes import write_axis
from streams.records import Counts, HistogramBatch, MonitoringElement


def encode(batch: HistogramBatch) -> bytes:
    """One message; raises ValueError for flow that UHI has no cell for: below an axis of categories."""
    message: dict[str, Any] = {ENVELOPE: _empty(write_envelope(batch))}
    for block, counts in zip(batch.catalogue.blocks, batch.counts, strict=True):
        for row in range(block.start, block.stop):
            me = batch.catalogue.elements[row]
            if me.name == ENVELOPE:
                raise ValueError(f"no monitoring element may be called {ENVELOPE!r}")
            message[me.name] = _histogram(me, counts[row - block.start], batch.flow[row], float(batch.entries[row]))
    return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)


def _empty(metadata: dict[str, Any]) -> dict[str, Any]:
    return {"uhi_schema": 1, "axes": [], "storage": {"type": "double"}, "metadata": metadata}


def _histogram(me: MonitoringElement, counts: Counts, flow: npt.NDArray[np.float64], entries: float) -> dict[str, Any]:
    """UHI of one ME; flow below lies in the first cell of all, flow above in the last."""
    axes = [write_axis(axis) for axis in me.axes]
    if flow[0] and all(axis.categories is not None for axis in me.axes):
        raise ValueError(f"{me.name}: an axis of categories has no cell below it, and {flow[0]} counts lie there")
    whole = counts.dtype == np.int64 and bool((flow == np.floor(flow)).all())
    margins = [(int(axis.categories is None), 1) for axis in me.axes]
    cells = np.pad(counts.reshape(me.shape).astype(np.int64 if whole else np.float64), margins)
    cells.flat[0] += flow[0]
    cells.flat[-1] += flow[1]
    storage = {"type": "int" if whole else "double", "values": cells}
    return {"uhi_schema": 1, "axes": axes, "storage": storage, "metadata": {"entries": entries}}
