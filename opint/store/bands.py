"""Rates as seen and as expected, of one lumisection."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from dqm.core.state import Bands
from opint.store import catalogues
from opint.store.joins import BY_CURRENT
from opint.store.packing import unpack_bands
from opint.store.tables import ls_score, lumisection
from streams.records import Catalogue, LumisectionKey


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Bands in the order of ``catalogue``, and the prescale column that was declared, None where it is not known."""

    catalogue: Catalogue
    bands: Bands
    prescale_index: int | None


def load(tx: Connection, dataset: str, key: LumisectionKey, subsystem: str) -> Seen | None:
    """As the current model saw it; None where there is none."""
    score = ls_score.c
    query = (
        select(score.catalogue, score.bands, lumisection.c.conditions)
        .join(lumisection, BY_CURRENT)
        .where(score.dataset == dataset, score.run == key.run, score.ls == key.ls, score.subsystem == subsystem)
    )
    row = tx.execute(query).first()
    if row is None or row.bands is None:
        return None
    catalogue = catalogues.load(tx, {row.catalogue})[row.catalogue]
    return Seen(catalogue, unpack_bands(row.bands, len(catalogue)), row.conditions.get("prescale_index"))
