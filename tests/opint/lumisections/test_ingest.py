"""Messages to effects, in one transaction, on both databases."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select

from conf.settings import Settings
from dqm.core.quality import Quality, Reason
from dqm.histograms.bundle import load
from dqm.histograms.pipeline import Pipeline
from dqm.simulate.detector import stream
from dqm.simulate.faults import Fault, FaultKind
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.notifications.explain import explain
from opint.notifications.planner import Planner
from opint.store import deadletters, lumisections
from opint.store.tables import dead_letter, incident, lumisection, occurrence, source_offset
from streams.errors import DecodeError, FencedError
from streams.source import Loss, Message, Partition
from tests.small import LEVEL, keys

PLACE = Partition("cluster", "dqm.histograms", 0)
SETTINGS = Settings()
KEYS = keys(30)
DATASET = "/Simulated/Detector-v1/DQM"
PARTS = ("Muon/Part1", "Muon/Part2", "Strips/Part1", "Strips/Part2")


class Clock:
    """A clock that the test turns."""

    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture(scope="module")
def pipeline(models):
    return Pipeline(load(models / "histograms"), SETTINGS.dqm, SETTINGS.alerts)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ingest(store, pipeline, clock):
    lumisection_ingest = LumisectionIngest(store, pipeline, SETTINGS, "me", clock)
    lumisection_ingest.claim([PLACE])
    return lumisection_ingest


def batches(detector, faults=(), count=30, seed=3):
    return [
        batch
        for item in stream(detector, [(key, LEVEL) for key in KEYS[:count]], faults, seed)
        for batch in item.batches
    ]


def arrivals(pipeline, sample, first=0, place=PLACE):
    messages = [
        Message(place, first + n, b"raw" if isinstance(item, DecodeError) else item, {}, 999.0, f"offset {first + n}")
        for n, item in enumerate(sample)
    ]
    scored = iter(pipeline.score([item for item in sample if not isinstance(item, DecodeError)]))
    return [
        Arrival(m, item if isinstance(item, DecodeError) else next(scored))
        for m, item in zip(messages, sample, strict=True)
    ]


def count(store, table):
    with store.read() as tx:
        return tx.scalar(select(func.count()).select_from(table))


def states(store, *selected):
    with store.begin() as tx:
        return lumisections.load(tx, DATASET, selected or KEYS)


def fault(kind, start, end, severity=1.0):
    return Fault(kind, "Muon", severity, KEYS[start], KEYS[end], group="Muon/Part1", seed=1)


def test_complete_lumisections_are_judged_at_once(ingest, store, pipeline, detector):
    output = ingest.apply(arrivals(pipeline, batches(detector, count=3)))
    assert output.next_offsets == {PLACE: 6}
    assert [state.closed_because for state in output.closed] == ["complete"] * 3
    assert {v.quality for s in output.closed for v in s.verdicts.values()} == {Quality.GOOD}
    assert count(store, lumisection) == 3


def test_the_same_messages_again_change_nothing(ingest, store, pipeline, detector):
    sample = arrivals(pipeline, batches(detector, count=3))
    ingest.apply(sample)
    before = states(store)
    again = ingest.apply(sample)
    assert again.closed == []
    assert {key: state.revision for key, state in states(store).items()} == {
        key: item.revision for key, item in before.items()
    }


def test_the_same_content_under_new_offsets_changes_nothing(ingest, store, pipeline, detector):
    sample = batches(detector, count=3)
    ingest.apply(arrivals(pipeline, sample))
    again = ingest.apply(arrivals(pipeline, sample, first=6))
    assert again.closed == []
    assert again.next_offsets == {PLACE: 12}
    assert count(store, dead_letter) == 0


def test_contradicting_content_is_a_dead_letter_and_the_first_stands(ingest, store, pipeline, detector):
    first = batches(detector, count=1)[0]
    other = replace(first, counts=tuple(matrix + 1 for matrix in first.counts))
    ingest.apply(arrivals(pipeline, [first]))
    digests = states(store, first.key)[first.key].parts["Muon"].digests
    output = ingest.apply(arrivals(pipeline, [other], first=1))
    assert [letter.reason for letter in output.letters] == ["conflict"]
    assert "Muon/Part1/occupancy" in output.letters[0].detail
    np.testing.assert_array_equal(states(store, first.key)[first.key].parts["Muon"].digests, digests)


def test_a_fenced_consumer_writes_nothing(ingest, store, pipeline, detector, clock):
    LumisectionIngest(store, pipeline, SETTINGS, "another", clock).claim([PLACE])
    with pytest.raises(FencedError):
        ingest.apply(arrivals(pipeline, batches(detector, count=2)))
    assert count(store, lumisection) == 0
    with store.read() as tx:
        assert tx.scalar(select(source_offset.c.next_offset)) is None


def test_an_offset_of_a_topic_that_was_deleted_is_not_one_of_its_successor(ingest, store, pipeline, detector):
    old, new = (replace(PLACE, topic_id=name) for name in ("old", "new"))
    assert ingest.claim([old]) == {PLACE: None}
    ingest.apply(arrivals(pipeline, batches(detector, count=2)))
    assert ingest.claim([old]) == {PLACE: 4}
    assert ingest.claim([new]) == ingest.claim([new]) == {PLACE: 0}
    with store.read() as tx:
        (title,) = tx.scalars(select(incident.c.title).where(incident.c.family == "data-lost"))
    assert title.endswith("messages lost, offset 4 was expected and 0 came (the topic was made anew)")
    assert ingest.apply(arrivals(pipeline, batches(detector, count=3)[4:])).next_offsets == {PLACE: 2}


def test_bad_messages_are_kept_and_the_stream_goes_on(ingest, store, pipeline, detector):
    good = batches(detector, count=1)
    output = ingest.apply(arrivals(pipeline, [good[0], DecodeError("bad-json", "message", "{"), good[1]]))
    assert len(output.closed) == 1
    with store.read() as tx:
        (letter,) = deadletters.list_(tx).items
    assert (letter.reason, letter.offset, letter.raw) == ("bad-json", 1, b"raw")


def test_parts_of_a_message_that_cannot_be_read_are_dead_letters_and_the_rest_is_judged(
    ingest, store, pipeline, detector
):
    whole = arrivals(pipeline, batches(detector, count=1))
    unread = [DecodeError("no-bins", f"DT/{name}: axis", 0) for name in "ab"]
    result = ingest.apply([replace(whole[0], unread=unread), *whole[1:]])
    assert [state.key for state in result.closed] == [KEYS[0]]
    with store.read() as tx:
        letters = deadletters.list_(tx).items
    assert [(letter.offset, letter.reason, letter.field) for letter in letters] == [
        (0, "no-bins", "DT/b: axis"),
        (0, "no-bins", "DT/a: axis"),
    ]


def test_a_late_part_revises(ingest, store, pipeline, detector, clock):
    muon, strips = batches(detector, count=1)
    ingest.apply(arrivals(pipeline, [muon]))
    assert ingest.close_due().closed == ()
    clock.now_s += SETTINGS.stream.lumisection_timeout_s + 1
    (timed_out,) = ingest.close_due().closed
    assert timed_out.closed_because == "timed out"
    assert set(timed_out.verdicts["Strips"].reasons) == {Reason.MISSING}
    assert timed_out.verdicts["Strips"].quality is Quality.NOT_INSPECTED

    (revised,) = ingest.apply(arrivals(pipeline, [strips], first=1)).closed
    assert (revised.closed_because, revised.revision) == ("revised", 2)
    assert revised.verdicts["Strips"].quality is Quality.GOOD
    assert states(store, muon.key)[muon.key].verdicts["Strips"].quality is Quality.GOOD


def test_only_its_own_partition_overtakes_a_lumisection(ingest, store, pipeline, detector):
    other = replace(PLACE, partition=1)
    ingest.claim([other])
    sample = batches(detector, count=10)
    ingest.apply(arrivals(pipeline, sample[:1]))
    ingest.apply(arrivals(pipeline, sample[2:], place=other))
    assert ingest.close_due().closed == ()
    ingest.apply(arrivals(pipeline, sample[2 : 2 + 2 * SETTINGS.stream.watermark_lumisections], first=1))
    assert ingest.close_due().closed == (), "what came before is not seen again"


def test_a_fault_is_one_incident_of_all_its_lumisections(ingest, store, pipeline, detector):
    ingest.apply(arrivals(pipeline, batches(detector, [fault(FaultKind.DEAD, 10, 19, 0.5)])))
    with store.read() as tx:
        (result,) = tx.execute(select(incident)).all()
        lumisections_of_incident = tx.execute(select(occurrence.c.ls).order_by(occurrence.c.ls)).scalars().all()
    assert (result.subsystem, result.element_group, result.family, result.kind) == (
        "Muon",
        "Muon/Part1",
        "content",
        "dead",
    )
    assert lumisections_of_incident == [key.ls for key in KEYS[10:20]]


@pytest.mark.parametrize("element", [f"{part}/{name}" for part in PARTS for name in ("occupancy", "timing")])
def test_a_stuck_histogram_is_one_incident(ingest, store, pipeline, detector, element):
    stuck = Fault(FaultKind.STUCK, element.partition("/")[0], 1.0, KEYS[8], KEYS[24], elements=(element,), seed=3)
    ingest.apply(arrivals(pipeline, batches(detector, [stuck])))
    with store.read() as tx:
        rows = [(row.family, row.element_group) for row in tx.execute(select(incident))]
    assert rows == [("frozen", element.rpartition("/")[0])]


@pytest.mark.parametrize("order", [range(30), [*range(0, 30, 2), *range(1, 30, 2)], range(29, -1, -1)])
def test_frozen_content_is_found_in_any_order_of_arrival(ingest, store, pipeline, detector, order):
    sample = batches(detector, [fault(FaultKind.STUCK, 10, 19)])
    for n, place in enumerate(order):
        ingest.apply(arrivals(pipeline, sample[2 * place : 2 * place + 2], first=2 * n))
    frozen = [
        key.ls
        for key, state in sorted(states(store).items())
        if (state.verdicts["Muon"].reasons == Reason.FROZEN).any()
    ]
    assert frozen == [key.ls for key in KEYS[12:20]]
    with store.read() as tx:
        families = tx.execute(select(incident.c.family)).scalars().all()
    assert families.count("frozen") == 1


def test_a_killed_transaction_leaves_nothing(ingest, store, pipeline, detector, monkeypatch):
    monkeypatch.setattr("opint.store.offsets.advance", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ingest.apply(arrivals(pipeline, batches(detector, count=2)))
    assert count(store, lumisection) == 0


def test_a_topic_made_anew_is_read_from_its_beginning(ingest, store, pipeline, detector):
    sample = batches(detector, count=3)
    ingest.apply(arrivals(pipeline, sample[:4], first=40))
    ingest.lost(Loss(PLACE, expected=44, resumed=0))
    output = ingest.apply(arrivals(pipeline, sample[4:]))
    assert [state.key for state in output.closed] == [KEYS[2]]
    with store.read() as tx:
        (result,) = tx.execute(select(incident)).all()
    assert (result.family, result.severity) == ("data-lost", "critical")


def test_what_begins_as_the_beams_go_calls_nobody_until_it_goes_on_with_beams(store, ingest, pipeline, detector, clock):
    """From the messages to the account of who was called."""
    dark = range(KEYS[10].ls, KEYS[20].ls)
    sample = [
        replace(batch, conditions=replace(batch.conditions, beams_stable=batch.key.ls not in dark))
        for batch in batches(detector, [fault(FaultKind.DEAD, 8, 29)])
    ]
    webhook = {"name": "room", "kind": "webhook", "url": "http://127.0.0.1:9"}
    notifications = {"receivers": [webhook], "routes": [{"name": "all", "receivers": ["room"], "group_wait_s": 0}]}
    planner = Planner(Settings.model_validate({"notifications": notifications}), lambda _: "")

    def account_after(part, first):
        ingest.apply(arrivals(pipeline, part, first))
        clock.now_s += 60.0
        with store.begin() as tx:
            planner.route(tx, clock.now_s)
            planner.compose(tx, "room", clock.now_s)
            (number,) = tx.scalars(select(incident.c.id))
            return explain(tx, number)[0]

    held_back = account_after(sample[:40], 0)
    assert held_back.outcome == "follows"
    assert held_back.why.startswith("follows from no stable beams since ")
    assert held_back.why.endswith(f", run {KEYS[10].run} LS {KEYS[10].ls}")
    assert account_after(sample[40:], 40).why.startswith("by route 'all'; message ")
