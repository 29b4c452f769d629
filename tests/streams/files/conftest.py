"""Samples of each file format, and the limits that the readers are tested under."""

import json

import numpy as np
import pytest

from streams.codecs import Limits
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement


@pytest.fixture(scope="session")
def limits():
    return Limits(max_message_bytes=1 << 20, max_histograms=1000, max_bins=10_000)


@pytest.fixture(scope="session")
def batch_of_ls():
    """``batch_of_ls(ls)``: a batch of two MEs of run 355374."""
    elements = [MonitoringElement(f"DT/{name}", (Axis(3, 0.0, 3.0, "wire"),)) for name in ("occupancy", "time")]
    catalogue = Catalogue.of(elements)

    def build(ls):
        counts = np.arange(6, dtype=np.int64).reshape(2, 3) + ls
        return HistogramBatch(
            LumisectionKey(355374, ls),
            "/ZeroBias/Run2022C-v1/DQM",
            "DT",
            Conditions(pileup=30.0),
            catalogue,
            (counts,),
            np.zeros((2, 2)),
            counts.sum(axis=1).astype(np.float64),
        )

    return build


@pytest.fixture(scope="session")
def dials_row():
    """``dials_row(me, run, ls, data, **more)``: a row as DIALS gives it, 1-D or 2-D by its data."""

    def build(me, run, ls, data, **more):
        row = {
            "dataset": "/ZeroBias/Run2022C-v1/DQMIO",
            "me": me,
            "dataset_id": 1,
            "file_id": 2,
            "run_number": run,
            "ls_number": ls,
            "me_id": 3,
            "x_min": 0.0,
            "x_max": 1.0,
            "x_bin": len(data[0]) if isinstance(data[0], list) else len(data),
            "entries": 10.0,
            "data": data,
        }
        if isinstance(data[0], list):
            row |= {"y_min": 0.0, "y_max": 2.0, "y_bin": len(data)}
        return row | more

    return build


@pytest.fixture(scope="session")
def write_json():
    """``write_json(path, content)``: the path, after the content was written to it."""

    def write(path, content):
        path.write_text(json.dumps(content))
        return path

    return write
