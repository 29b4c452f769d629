"""Model versions that have judged something, their promotions, and pairs of them that have judged the same."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from sqlalchemy import Connection, Executable, and_, func, insert, select

from opint.store.sql import Record, insert_into
from opint.store.tables import lumisection, model_version, promotion, shadow_summary


class ModelVersion(Record):
    """A model version that has judged something; ``manifest`` is what its bundle says of itself."""

    version: str
    name: str
    path: str
    manifest: dict[str, Any]
    first_used_s: float


def record(tx: Connection, version: str, name: str, path: str, manifest: Mapping[str, Any], now_s: float) -> None:
    """Store the version at its first use; later calls change nothing.

    ``version`` identifies the bundle's content, ``path`` is where it was found, ``manifest`` what it says.
    """
    row = {"version": version, "name": name, "path": path, "manifest": dict(manifest), "first_used_s": now_s}
    tx.execute(insert_into(tx, model_version).on_conflict_do_nothing(), row)


def manifest(tx: Connection, version: str) -> Mapping[str, Any]:
    """What the bundle of a version says of itself; empty for one that is not on record."""
    stored = tx.scalar(select(model_version.c.manifest).where(model_version.c.version == version))
    return {} if stored is None else dict(stored)


@dataclass(frozen=True, slots=True)
class Promotion:
    """Since ``at_s`` (s since 1970) the bundle ``name`` judges wherever the settings' dqm.model is ``slot``.

    ``version`` is what it was then; ``previous`` the version that judged before, empty if there was none.
    """

    slot: Annotated[str, Field(description="dqm.model of the settings that it stands for")]
    name: str
    version: str
    previous: str
    actor: str
    note: str
    at_s: float


def promote(tx: Connection, entry: Promotion) -> None:
    """Store a promotion; the newest of a slot stands."""
    tx.execute(insert(promotion), asdict(entry))


def promoted(tx: Connection, slot: str) -> Promotion | None:
    """The promotion that stands; None if there never was one."""
    row = promotion.c
    columns = [column for column in row if column.name != "id"]
    newest = tx.execute(select(*columns).where(row.slot == slot).order_by(row.id.desc()).limit(1)).one_or_none()
    return None if newest is None else Promotion(*newest)


def promotions(tx: Connection, most: int) -> list[Promotion]:
    """The newest promotions of all slots, newest first."""
    columns = [column for column in promotion.c if column.name != "id"]
    return [Promotion(*row) for row in tx.execute(select(*columns).order_by(promotion.c.id.desc()).limit(most))]


def versions(tx: Connection) -> list[ModelVersion]:
    """All model versions on record, the newest first."""
    rows = tx.execute(select(model_version).order_by(model_version.c.first_used_s.desc()))
    return [ModelVersion.model_validate(row) for row in rows]


def lumisections_judged(tx: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """How many lumisections each model version has judged, and how many in shadow; reads all summaries."""
    version = lumisection.c.model_version
    judged = select(version, func.count()).where(lumisection.c.closed_s.is_not(None)).group_by(version)
    places = select(
        shadow_summary.c.model_version, shadow_summary.c.dataset, shadow_summary.c.run, shadow_summary.c.ls
    ).distinct()
    shadow_version = places.subquery().c.model_version
    in_shadow = select(shadow_version, func.count()).group_by(shadow_version)
    return _as_dict(tx, judged), _as_dict(tx, in_shadow)


def _as_dict(tx: Connection, query: Executable) -> dict[str, int]:
    return {row[0]: row[1] for row in tx.execute(query)}


class ShadowPair(NamedTuple):
    """The model that judged, ``current``, and the one in ``shadow``: versions, names of the bundles, what both judged.

    The names are empty for versions that are not on record.
    """

    current: str
    shadow: str
    current_name: str
    shadow_name: str
    lumisections: int
    newest_run: int


_SAME_LUMISECTION = and_(
    lumisection.c.dataset == shadow_summary.c.dataset,
    lumisection.c.run == shadow_summary.c.run,
    lumisection.c.ls == shadow_summary.c.ls,
)


def shadow_pairs(tx: Connection) -> list[ShadowPair]:
    """All pairs of versions, the one that judged the newest run first; reads all summaries of shadows."""
    head = lumisection.c
    places = select(shadow_summary.c.model_version.label("shadow"), head.model_version, head.dataset, head.run, head.ls)
    judged = places.join(lumisection, _SAME_LUMISECTION).distinct().subquery().c
    query = select(judged.model_version, judged.shadow, func.count(), func.max(judged.run)).group_by(
        judged.model_version, judged.shadow
    )
    names = {row.version: row.name for row in tx.execute(select(model_version))}
    pairs = [
        ShadowPair(current, shadow, names.get(current, ""), names.get(shadow, ""), count, newest)
        for current, shadow, count, newest in tx.execute(query)
    ]
    return sorted(pairs, key=lambda pair: (-pair.newest_run, -pair.lumisections, pair.shadow))


def newest_runs(tx: Connection, pair: ShadowPair, most: int) -> list[int]:
    """Numbers of the newest runs that both have judged, the newest first, at most ``most``."""
    query = (
        select(lumisection.c.run)
        .join(shadow_summary, _SAME_LUMISECTION)
        .where(lumisection.c.model_version == pair.current, shadow_summary.c.model_version == pair.shadow)
        .distinct()
        .order_by(lumisection.c.run.desc())
        .limit(most)
    )
    return list(tx.scalars(query))
