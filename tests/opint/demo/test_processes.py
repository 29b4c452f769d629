"""What the demo keeps from one start to the next."""

from itertools import islice

from sqlalchemy import select

from opint.demo.processes import lumisections_seen
from opint.demo.simulation import endless
from opint.store import offsets
from opint.store.tables import lumisection, source_offset
from streams.keys import Partition


def test_the_next_start_goes_on_after_the_newest_lumisection(store) -> None:
    assert lumisections_seen(store, seed=1) == 0
    keys = [key for key, _ in islice(endless(1, good_only=False), 2000)]
    times = dict.fromkeys(("first_seen_s", "published_s", "updated_s"), 1.0)
    row = {"conditions": {}, "model_version": "m", "origin": "", "closed_because": "", "revision": 1, **times}
    with store.begin() as tx:
        for dataset, key in (("/A", keys[3]), ("/A", keys[1200]), ("/B", keys[1201])):
            tx.execute(lumisection.insert().values(dataset=dataset, run=key.run, ls=key.ls, **row))
    assert lumisections_seen(store, seed=1) == 1202


def test_offsets_of_a_broker_that_is_gone_are_forgotten(store) -> None:
    with store.begin() as tx:
        for cluster in ("before", "now"):
            offsets.claim(tx, Partition(cluster, "t", 0), "g", "me", 1.0)
        offsets.forget_other_clusters(tx, "now")
        assert tx.scalars(select(source_offset.c.cluster)).all() == ["now"]
