"""Model versions that have judged something, so that every verdict can be traced to its bundle."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from opint.store.tables import model_version
from opint.store.upserts import insert_into


def record(tx: Connection, version: str, name: str, path: str, manifest: Mapping[str, Any], now_s: float) -> None:
    """Store the version at its first use; later calls change nothing.

    ``version`` identifies the bundle's content, ``path`` is where it was found, ``manifest`` what it says.
    """
    row = {"version": version, "name": name, "path": path, "manifest": dict(manifest), "first_used_s": now_s}
    tx.execute(insert_into(tx, model_version).on_conflict_do_nothing(), row)
