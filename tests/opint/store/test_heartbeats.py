"""Signs of life are stored whatever they say."""

from sqlalchemy import select

from opint.store import heartbeats
from opint.store.engine import Store
from opint.store.heartbeats import Heartbeat
from opint.store.tables import heartbeat


def test_a_reason_may_quote_what_is_no_text(store: Store) -> None:
    with store.begin() as tx:
        heartbeats.beat(tx, Heartbeat("d", 1.0, 2.0, "waiting", "folder /\udce9\0" + "x" * 5000 + " cannot be read"))
        (detail,) = tx.scalars(select(heartbeat.c.detail))
    assert detail.startswith("folder /?")
    assert len(detail) == 2000
