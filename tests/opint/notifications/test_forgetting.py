"""What is old and settled is forgotten; what waits is not."""

from conf.notifications import Matchers
from opint.notifications import silencing
from opint.store import messages, notices, outbox
from opint.store.retention import DAY_SECONDS, sweep
from tests.support.incidents import end_incident, open_incident


def test_what_is_old_and_settled_is_forgotten_and_what_is_held_back_is_not(store, drive):
    driven = drive(route={"match": {"subsystem": "Muon"}})
    with store.begin() as tx:
        silencing.add(tx, Matchers(folder=("Muon/Sector3",)), "ada", "works", 999.0, 999.0 + 30 * DAY_SECONDS)
        sent = open_incident(tx, "1")
        unrouted = open_incident(tx, "2", subsystem="Pixel")
        silenced = open_incident(tx, "3")
    driven.settle()
    with store.begin() as tx:
        # Where no dispatcher has looked for so long, none is meant to.
        end_incident(tx, sent)
    sweep(store, 1000.0 + 8 * DAY_SECONDS, 7.0)
    with store.read() as tx:
        assert messages.page(tx)[0] == []
        assert [notices.of_incident(tx, number) for number in (sent, unrouted)] == [[], []]
        assert outbox.waiting(tx, 9) == []
        (held_back,) = notices.of_incident(tx, silenced)
        assert held_back.outcome == "silenced"
        assert [entry.id for entry in outbox.of_incident(tx, silenced)] == [held_back.outbox_id]
