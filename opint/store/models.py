"""Model versions that have judged something, so that every verdict can be traced to its bundle; and promotions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Executable, func, insert, select

from opint.store.tables import lumisection, model_version, promotion, shadow_summary
from opint.store.upserts import insert_into


def record(tx: Connection, version: str, name: str, path: str, manifest: Mapping[str, Any], now_s: float) -> None:
    """Store the version at its first use; later calls change nothing.

    ``version`` identifies the bundle's content, ``path`` is where it was found, ``manifest`` what it says.
    """
    row = {"version": version, "name": name, "path": path, "manifest": dict(manifest), "first_used_s": now_s}
    tx.execute(insert_into(tx, model_version).on_conflict_do_nothing(), row)


@dataclass(frozen=True, slots=True)
class Promotion:
    """Since ``at_s`` (s since 1970) the bundle ``name`` judges wherever the settings' dqm.model is ``slot``.

    ``version`` is what it was then; ``previous`` the version that judged before, empty if there was none.
    """

    slot: str
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
