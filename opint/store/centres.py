"""The centre about which each run is certified, and the residuals that it leaves for the centres of later runs.

A centre is written once, before the first lumisection of its run is stored, and never changed: a second
daemon reads what the first has written.
"""

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from dqm.core.drift import LINE, Residuals
from opint.store.catalogues import REAL, WHOLE, pack, unpack
from opint.store.references import Part
from opint.store.sql import insert_into
from opint.store.tables import certification_centre

Float32 = npt.NDArray[np.float32]


def shift(tx: Connection, part: Part) -> Float32 | None:
    """The shift (2, n, k) of a run's centre; None if none stands yet."""
    row = tx.execute(select(certification_centre).where(_at(part))).first()
    return None if row is None else _numbers(row)


def record(tx: Connection, part: Part, shift: Float32, now_s: float) -> None:
    """Write the centre of a run down, unless one stands already."""
    values = {"shift": pack(shift, REAL), "updated_s": now_s} | _packed(Residuals.nothing(*shift.shape[1:]))
    tx.execute(insert_into(tx, certification_centre).on_conflict_do_nothing(), _key(part) | values)


def add(tx: Connection, part: Part, left: Residuals, now_s: float) -> None:
    """Add to what a run leaves; the row stays locked until the transaction ends. Without a centre nothing is kept."""
    row = tx.execute(select(certification_centre).where(_at(part)).with_for_update()).first()
    if row is not None:
        values = _packed(_residuals(row) + left) | {"updated_s": now_s}
        tx.execute(update(certification_centre).where(_at(part)).values(**values))


def before(tx: Connection, part: Part) -> tuple[Float32, Residuals] | None:
    """The centre of the nearest run before, and what that run has left; None if there is none."""
    at = certification_centre.c
    query = select(certification_centre).where(
        at.dataset == part.dataset,
        at.subsystem == part.subsystem,
        at.model_version == part.model_version,
        at.run < part.run,
    )
    row = tx.execute(query.order_by(at.run.desc()).limit(1)).first()
    return None if row is None else (_numbers(row), _residuals(row))


def _key(part: Part) -> dict[str, Any]:
    return {
        "dataset": part.dataset,
        "run": part.run,
        "subsystem": part.subsystem,
        "model_version": part.model_version,
    }


def _at(part: Part) -> ColumnElement[bool]:
    return and_(*(certification_centre.c[name] == value for name, value in _key(part).items()))


def _packed(left: Residuals) -> dict[str, bytes]:
    return {"residuals": b"".join(pack(getattr(left, field.name), WHOLE) for field in fields(left))}


def _residuals(row: Row[Any]) -> Residuals:
    """The fields one after the other, each as long as one of no lumisection."""
    empty = Residuals.nothing(*_shape(row))
    arrays, start = [], 0
    for field in fields(empty):
        shape = getattr(empty, field.name).shape
        end = start + WHOLE.itemsize * int(np.prod(shape))
        arrays.append(unpack(row.residuals[start:end], WHOLE, shape))
        start = end
    return Residuals(*arrays)


def _shape(row: Row[Any]) -> tuple[int, int]:
    """How many elements and how many numbers of each: 2nk are in a shift, 4n + 2nk in residuals."""
    in_shift = len(row.shift) // REAL.itemsize
    elements = (len(row.residuals) // WHOLE.itemsize - in_shift) // 4
    return elements, in_shift // LINE // elements if elements else 0


def _numbers(row: Row[Any]) -> Float32:
    return unpack(row.shift, REAL, (LINE, *_shape(row)))
