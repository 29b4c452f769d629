"""Forgetting old lumisections, a few at a time, so that nobody waits for it."""

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, select

from opint.store import message_classes, messages, notices, placement, workflow_decisions
from opint.store.accounts import sign_in_event
from opint.store.alarm_levels import alarm_level
from opint.store.engine import Store
from opint.store.hotline import hotline_event, hotline_hour
from opint.store.popularity import popularity_forecast, popularity_score
from opint.store.short_faults import short_fault
from opint.store.tables import (
    certification_centre,
    dead_letter,
    evidence,
    heartbeat,
    ls_score,
    ls_summary,
    lumisection,
    rate_level,
    reference,
    run_sums,
    shadow_summary,
)

BATCH = 100
"""Lumisections deleted in one transaction."""

DAY_SECONDS = 86_400.0


def sweep(store: Store, now_s: float, retain_days: float) -> int:
    """Delete all that last changed more than ``retain_days`` ago; the number of lumisections deleted.

    Incidents, their history and silences are never deleted, and neither are events that somebody has marked,
    failing tasks that somebody has decided about, catalogues, model versions and offsets.
    """
    before_s = now_s - retain_days * DAY_SECONDS
    with store.begin() as tx:
        tx.execute(delete(dead_letter).where(dead_letter.c.received_s < before_s))
        tx.execute(delete(sign_in_event).where(sign_in_event.c.at_s < before_s))
        tx.execute(delete(heartbeat).where(heartbeat.c.at_s < before_s))
        tx.execute(delete(run_sums).where(run_sums.c.updated_s < before_s))
        tx.execute(delete(reference).where(reference.c.chosen_s < before_s))
        tx.execute(delete(alarm_level).where(alarm_level.c.chosen_s < before_s))
        tx.execute(delete(certification_centre).where(certification_centre.c.updated_s < before_s))
        tx.execute(delete(rate_level).where(rate_level.c.updated_s < before_s))
        tx.execute(delete(hotline_event).where(hotline_event.c.kept_s < before_s, hotline_event.c.marking == ""))
        for table in (popularity_forecast, popularity_score):
            tx.execute(delete(table).where(table.c.made_s < before_s))
        placement.forget(tx, before_s)
        workflow_decisions.forget(tx, before_s)
        message_classes.forget(tx, before_s)
        notices.forget(tx, before_s)
        messages.forget(tx, before_s)
        tx.execute(delete(hotline_hour).where(hotline_hour.c.updated_s < before_s))
    deleted = 0
    while True:
        with store.begin() as tx:
            batch = delete_batch(tx, before_s)
        deleted += batch
        if batch < BATCH:
            return deleted


def delete_batch(tx: Connection, before_s: float, limit: int = BATCH) -> int:
    """Delete at most ``limit`` lumisections last changed before ``before_s``, oldest first; how many."""
    head = lumisection.c
    query = select(head.dataset, head.run, head.ls).where(head.updated_s < before_s).order_by(head.updated_s)
    rows = [{"d": d, "r": run, "n": ls} for d, run, ls in tx.execute(query.limit(limit))]
    if not rows:
        return 0
    # Summaries have the subsystem before run and LS in their key: without it each delete would scan.
    named = {(r["d"], s) for r in rows for s in tx.scalars(_SUBSYSTEMS, r)}
    summaries = [row | {"s": name} for row in rows for dataset, name in named if dataset == row["d"]]
    if summaries:
        tx.execute(delete(ls_summary).where(_at(ls_summary), ls_summary.c.subsystem == bindparam("s")), summaries)
    for table in (evidence, shadow_summary, short_fault, ls_score, lumisection):
        tx.execute(delete(table).where(_at(table)), rows)
    return len(rows)


def _at(table: Table) -> ColumnElement[bool]:
    return and_(table.c.dataset == bindparam("d"), table.c.run == bindparam("r"), table.c.ls == bindparam("n"))


_SUBSYSTEMS = select(ls_score.c.subsystem).where(_at(ls_score))
