"""Which model versions have judged lumisections beside which, for reading."""

from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from opint.store.tables import lumisection, model_version, shadow_summary


class Beside(NamedTuple):
    """``current`` judged and ``shadow`` judged beside it: versions, the bundles' names, and what both have judged.

    The names are empty for versions that are not on record.
    """

    current: str
    shadow: str
    current_name: str
    shadow_name: str
    lumisections: int
    newest_run: int


_SAME = and_(
    lumisection.c.dataset == shadow_summary.c.dataset,
    lumisection.c.run == shadow_summary.c.run,
    lumisection.c.ls == shadow_summary.c.ls,
)


def beside(tx: Connection) -> list[Beside]:
    """All pairs of versions, the one that judged the newest run first; reads all summaries of shadows."""
    head = lumisection.c
    places = select(shadow_summary.c.model_version.label("shadow"), head.model_version, head.dataset, head.run, head.ls)
    each = places.join(lumisection, _SAME).distinct().subquery().c
    query = select(each.model_version, each.shadow, func.count(), func.max(each.run)).group_by(
        each.model_version, each.shadow
    )
    names = {one.version: one.name for one in tx.execute(select(model_version))}
    found = [
        Beside(current, shadow, names.get(current, ""), names.get(shadow, ""), count, newest)
        for current, shadow, count, newest in tx.execute(query)
    ]
    return sorted(found, key=lambda one: (-one.newest_run, -one.lumisections, one.shadow))


def newest_runs(tx: Connection, pair: Beside, most: int) -> list[int]:
    """Numbers of the newest runs that both have judged, the newest first, at most so many."""
    query = (
        select(lumisection.c.run)
        .join(shadow_summary, _SAME)
        .where(lumisection.c.model_version == pair.current, shadow_summary.c.model_version == pair.shadow)
        .distinct()
        .order_by(lumisection.c.run.desc())
        .limit(most)
    )
    return list(tx.scalars(query))
