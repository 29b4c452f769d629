"""Labels in the store: imported by source, and settled where people and a verdict disagreed."""

from collections.abc import Sequence

from sqlalchemy import Connection

from opint.labels.label import Flag, Label, LabelError, Labels
from opint.store import labels as rows
from opint.store.engine import Store


def import_labels(store: Store, source: str, labels: Labels, actor: str, now_s: float) -> None:
    """Store the labels of ``source`` in place of its earlier ones; raises LabelError for a name that is taken."""
    if source == rows.SETTLED:
        raise LabelError(f"{source} is the name of what people settle on the page; choose another with --as")
    with store.begin() as tx:
        rows.replace(tx, source, (_row(label, actor, now_s) for label in labels))


def settle(tx: Connection, decision: Label, actor: str, now_s: float) -> None:
    """Store what a person decided where a label and a verdict disagree; it stands over the labels of all sources."""
    rows.add(tx, rows.SETTLED, [_row(decision, actor, now_s)])


def read_source(tx: Connection, source: str, runs: Sequence[int] | None = None) -> Labels:
    """The labels of a source with what was settled in their place; raises LabelError for one that is not there."""
    stored = rows.of_source(tx, source, runs)
    if not stored and source not in {entry.name for entry in rows.sources(tx)}:
        raise LabelError(f"there are no labels of {source!r}; see `nightshift labels list`")
    if source == rows.SETTLED:
        return Labels(()).overridden(map(_label, stored))
    labels = Labels(map(_label, stored))
    labelled = set(labels.runs)
    decisions = (row for row in rows.of_source(tx, rows.SETTLED, runs) if row.run in labelled)
    return labels.overridden(map(_label, decisions))


def read_all(tx: Connection, runs: Sequence[int]) -> Labels:
    """What all sources say of these runs, a bad word counting where they differ, with what was settled in its place."""
    stored = rows.of_runs(tx, runs)
    labels = Labels(_label(row) for source, row in stored if source != rows.SETTLED)
    return labels.overridden(_label(row) for source, row in stored if source == rows.SETTLED)


def _row(label: Label, actor: str, now_s: float) -> rows.StoredLabel:
    extent = label.run, label.first, label.last, label.subsystem
    return rows.StoredLabel(*extent, label.flag.value, label.cause, actor, now_s)


def _label(row: rows.StoredLabel) -> Label:
    return Label(row.run, row.first_ls, row.last_ls, Flag(row.flag), row.subsystem, row.cause)
