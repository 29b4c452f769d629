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


def shadow_pairs(tx: Connection) -> list[Beside]:
    """All pairs of versions, the one that judged the newest run first; reads all summaries of shadows."""
    head = lumisection.c
    places = select(shadow_summary.c.model_version.label("shadow"), head.model_version, head.dataset, head.run, head.ls)
    judged = places.join(lumisection, _SAME).distinct().subquery().c
    query = select(judged.model_version, judged.shadow, func.count(), func.max(judged.run)).group_by(
        judged.model_version, judged.shadow
    )
    names = {row.version: row.name for row in tx.execute(select(model_version))}
    pairs = [
        Beside(current, shadow, names.get(current, ""), names.get(shadow, ""), count, newest)
        for current, shadow, count, newest in tx.execute(query)
    ]
    return sorted(pairs, key=lambda pair: (-pair.newest_run, -pair.lumisections, pair.shadow))


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
