"""What runs leave for later ones, sums and residuals, and the reference and centre that were chosen for each run.

A choice is written once, before the first lumisection of its run is stored, and never changed: a second daemon reads
what the first has written. Lumisections are certified about the centre.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Row, Table, and_, select, update

from dqm.core.drift import LINE, Earlier, Reference, Residuals, RunSums
from opint.store.catalogues import FLAG, REAL, WHOLE, pack, unpack
from opint.store.sql import insert_into
from opint.store.tables import certification_centre, lumisection, reference, run_sums
from streams.arrays import Float32


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One subsystem of one run of a dataset, as one model sees it."""

    dataset: str
    run: int
    subsystem: str
    model_version: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person wants to know of a reference; ``drift`` is the median and the largest over MEs, with its row."""

    subsystem: str
    adaptive: bool
    reason: str
    newest_run: int
    runs: int
    usable: int
    elements: int
    median_drift: float
    largest_drift: float


def add(tx: Connection, part: Part, sums: RunSums, now_s: float) -> None:
    """Add to the sums of a run; the row stays locked until the transaction ends."""
    key = _key(part)
    empty = _packed(RunSums(*(np.zeros_like(array) for array in (sums.counts, sums.leaning, sums.histograms))))
    tx.execute(insert_into(tx, run_sums).on_conflict_do_nothing(), key | empty | {"updated_s": now_s})
    row = tx.execute(select(run_sums).where(_at(run_sums, part)).with_for_update()).one()
    values = _packed(_sums(row) + sums) | {"updated_s": now_s}
    tx.execute(update(run_sums).where(_at(run_sums, part)).values(**values))


def since(tx: Connection, part: Part, first: int, most: int) -> Earlier:
    """Sums of at most ``most`` runs from ``first`` to the one before, the newest ones, in order."""
    return _between(tx, part, first, part.run, most)


def before(tx: Connection, part: Part, first: int, most: int) -> Earlier:
    """Sums of the ``most`` runs before ``first``, in order."""
    return _between(tx, part, 0, first, most)


def previous(tx: Connection, part: Part) -> tuple[int, Reference] | None:
    """The reference that was chosen for the nearest run before, and that run."""
    query = _runs(reference, part).where(reference.c.run < part.run).order_by(reference.c.run.desc()).limit(1)
    row = tx.execute(query).first()
    return None if row is None else (row.run, _reference(row))


def chosen(tx: Connection, dataset: str, run: int, model_version: str) -> dict[str, Reference]:
    """By subsystem, what has been chosen for a run."""
    at = reference.c
    query = select(reference).where(at.dataset == dataset, at.run == run, at.model_version == model_version)
    return {row.subsystem: _reference(row) for row in tx.execute(query)}


def record(tx: Connection, part: Part, choice: Reference, now_s: float) -> None:
    """Write a choice down, unless one stands already."""
    values = {
        "adaptive": choice.adaptive,
        "reason": choice.reason,
        "share": zlib.compress(pack(choice.share, REAL), 1),
        "wander": zlib.compress(pack(choice.wander, REAL), 1),
        "size": pack(choice.size, REAL),
        "usable": pack(choice.usable, FLAG),
        "drift": pack(choice.drift, REAL),
        "newest_run": choice.newest_run,
        "runs": choice.runs,
        "pileup": choice.pileup,
        "chosen_s": now_s,
    }
    tx.execute(insert_into(tx, reference).on_conflict_do_nothing(), _key(part) | values)


def shown(tx: Connection, dataset: str, run: int) -> Sequence[Shown]:
    """The references of a run by subsystem, those of the model that judged it last."""
    at = reference.c
    columns: Sequence[Any] = (at.subsystem, at.adaptive, at.reason, at.newest_run, at.runs, at.usable, at.drift)
    judging = select(lumisection.c.model_version).where(lumisection.c.dataset == dataset, lumisection.c.run == run)
    of_run = and_(at.dataset == dataset, at.run == run, at.model_version.in_(judging))
    query = select(*columns).where(of_run).order_by(at.chosen_s)
    rows = {row.subsystem: row for row in tx.execute(query)}
    return [_shown(rows[name]) for name in sorted(rows)]


def _shown(row: Row[Any]) -> Shown:
    usable, drift = _flat(row.usable, FLAG), _flat(row.drift, REAL)
    return Shown(
        row.subsystem,
        row.adaptive,
        row.reason,
        row.newest_run,
        row.runs,
        int(usable.sum()),
        len(usable),
        float(np.median(drift)) if len(drift) else 0.0,
        float(drift.max(initial=0.0)),
    )


def _between(tx: Connection, part: Part, first: int, end: int, most: int) -> Earlier:
    run = run_sums.c.run
    query = _runs(run_sums, part).where(run >= first, run < end).order_by(run.desc()).limit(most)
    return [(row.run, _sums(row)) for row in tx.execute(query)][::-1]


def _runs(table: Table, part: Part) -> Any:
    """All runs of the same dataset, subsystem and model."""
    at = table.c
    return select(table).where(
        at.dataset == part.dataset, at.subsystem == part.subsystem, at.model_version == part.model_version
    )


def _key(part: Part) -> dict[str, Any]:
    return {
        "dataset": part.dataset,
        "run": part.run,
        "subsystem": part.subsystem,
        "model_version": part.model_version,
    }


def _at(table: Table, part: Part) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in _key(part).items()))


def _packed(sums: RunSums) -> dict[str, bytes]:
    return {
        "counts": zlib.compress(pack(sums.counts, WHOLE), 1),
        "leaning": pack(sums.leaning, WHOLE),
        "histograms": pack(sums.histograms, WHOLE),
    }


def _sums(row: Row[Any]) -> RunSums:
    counts, leaning, histograms = (
        _flat(raw, WHOLE).reshape(2, -1) for raw in (zlib.decompress(row.counts), row.leaning, row.histograms)
    )
    return RunSums(counts, leaning, histograms)


def _reference(row: Row[Any]) -> Reference:
    return Reference(
        adaptive=row.adaptive,
        reason=row.reason,
        share=_flat(zlib.decompress(row.share), REAL),
        wander=_flat(zlib.decompress(row.wander), REAL),
        size=_flat(row.size, REAL),
        usable=_flat(row.usable, FLAG),
        drift=_flat(row.drift, REAL),
        newest_run=row.newest_run,
        runs=row.runs,
        pileup=row.pileup,
    )


def _flat(raw: bytes, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return unpack(raw, dtype, (len(raw) // dtype.itemsize,))


def centre_shift(tx: Connection, part: Part) -> Float32 | None:
    """The shift (2, n, k) of a run's centre; None if none stands yet."""
    row = tx.execute(select(certification_centre).where(_at(certification_centre, part))).first()
    return None if row is None else _shift_of(row)


def record_centre(tx: Connection, part: Part, shift: Float32, now_s: float) -> None:
    """Write the centre of a run down, unless one stands already."""
    values = {"shift": pack(shift, REAL), "updated_s": now_s} | _packed_residuals(Residuals.nothing(*shift.shape[1:]))
    tx.execute(insert_into(tx, certification_centre).on_conflict_do_nothing(), _key(part) | values)


def add_residuals(tx: Connection, part: Part, residuals: Residuals, now_s: float) -> None:
    """Add to what a run leaves; the row stays locked until the transaction ends. Without a centre nothing is kept."""
    row = tx.execute(select(certification_centre).where(_at(certification_centre, part)).with_for_update()).first()
    if row is not None:
        values = _packed_residuals(_residuals(row) + residuals) | {"updated_s": now_s}
        tx.execute(update(certification_centre).where(_at(certification_centre, part)).values(**values))


def centre_before(tx: Connection, part: Part) -> tuple[Float32, Residuals] | None:
    """The centre of the nearest run before, and what that run has left; None if there is none."""
    at = certification_centre.c
    query = select(certification_centre).where(
        at.dataset == part.dataset,
        at.subsystem == part.subsystem,
        at.model_version == part.model_version,
        at.run < part.run,
    )
    row = tx.execute(query.order_by(at.run.desc()).limit(1)).first()
    return None if row is None else (_shift_of(row), _residuals(row))


def _packed_residuals(residuals: Residuals) -> dict[str, bytes]:
    return {"residuals": b"".join(pack(getattr(residuals, field.name), WHOLE) for field in fields(residuals))}


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


def _shift_of(row: Row[Any]) -> Float32:
    return unpack(row.shift, REAL, (LINE, *_shape(row)))
