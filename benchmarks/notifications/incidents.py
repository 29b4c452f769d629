"""Incidents as nightshift stores them when it raises them, without the lumisections that led to them."""

import time
from pathlib import Path

from opint.store import incidents
from opint.store.engine import Store
from opint.store.incidents import HistoryEntry, Incident


def new_store(folder: Path) -> Store:
    """An empty database in a folder."""
    store = Store.open(f"sqlite:///{folder / 'nightshift.db'}")
    store.upgrade()
    return store


def raise_incidents(store: Store, names: list[str]) -> tuple[list[int], float]:
    """Commit new incidents in one transaction; their numbers, and when that had ended, s since 1970."""
    now_s = time.time()
    records = [
        Incident(
            fingerprint=name,
            dataset="/Simulated/Run2026-v1/DQM",
            subsystem="Muon",
            family="content",
            element_group=f"Muon/Sector{name}",
            model_version="m",
            opened_s=now_s,
            updated_s=now_s,
            kind="dead",
            title=f"Muon/Sector{name}: dead channels in 2 of 4 monitoring elements since run 379415 LS 41",
            explanation="10 of 100 bins (60 to 69) are empty; 835 ± 29 counts are expected in each.",
        )
        for name in names
    ]
    with store.begin() as tx:
        incidents.insert_new(tx, records)
        incidents.write_history(
            tx, [HistoryEntry(record.id, now_s, "nightshift", "opened", record.title) for record in records]
        )
    return [record.id for record in records], time.time()
