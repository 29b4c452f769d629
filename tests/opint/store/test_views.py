"""The queries of pages and API give the same on SQLite and on PostgreSQL."""

import numpy as np
import pytest

from dqm.core.quality import Quality
from opint.store import deadletters, evidence, incident_pages, models, run_map, runs, system
from opint.store import runs as seeks
from opint.store.tables import lumisection


@pytest.fixture
def tx(store, seed):
    seed.fill(store)
    with store.read() as reading:
        yield reading


def test_every_view_reads_the_seeded_store(tx, seed):
    assert seeks.datasets(tx) == [seed.DATASET]
    assert seeks.subsystems(tx, seed.DATASET) == ["Calo", "Muon", "Pixel", "Strips"]
    assert list(seeks.runs_before(tx, seed.DATASET, None)) == [379415, 379412]
    assert incident_pages.counts(tx) == {"open": 1, "acknowledged": 1, "resolved": 1}
    assert [item.id for item in incident_pages.page(tx, limit=5, run=379412).items] == [1]
    assert [item.id for item in incident_pages.recently_resolved(tx, 5)] == [1]
    report = incident_pages.detail(tx, 2)
    assert len(report.occurrences) == len(report.evidence) == 24
    first = report.evidence[0]
    shown = evidence.evidence_view(tx, report.dataset, report.subsystem, first.run, first.ls, first.me)
    assert [axis.bins for axis in shown.axes] == [36, 30]
    assert len(evidence.places(tx, seed.DATASET, "Calo", 379415)) == 24
    assert incident_pages.detail(tx, 99) is None
    assert evidence.evidence_view(tx, seed.DATASET, "Calo", 1, 1, "x") is None
    assert runs.detail(tx, 1, None) is None
    (pair,) = models.shadow_pairs(tx)
    assert pair == (seed.MODEL, seed.SHADOW, "histograms", "candidate", 62, 379415)
    assert models.newest_runs(tx, pair, 5) == [379415]


def ids(tx, **options):
    return [item.id for item in incident_pages.page(tx, limit=10, **options).items]


@pytest.mark.parametrize("order", ["gravest", "newest", "seen", "longest"])
def test_incidents_come_in_the_chosen_order_page_by_page(store, seed, order):
    seed.fill(store)
    with store.begin() as tx:
        states = ["open", "resolved", "acknowledged"]
        for number in range(20, 32):
            severity = "critical" if number % 2 else "warning"
            span = {"first_ls": number % 5 + 1, "last_ls": number % 5 + 9, "lumisections": number % 4}
            seed.raise_incident(tx, number, severity=severity, state=states[number % 3], **span)
    with store.read() as tx:
        whole = incident_pages.page(tx, limit=100, order=order).items
        keys = {
            "gravest": lambda item: (
                item.state == "resolved",
                item.state != "resolved" and item.severity != "critical",
                -item.id,
            ),
            "newest": lambda item: -item.id,
            "seen": lambda item: (-(item.last_run or 0), -(item.last_ls or 0), -item.id),
            "longest": lambda item: (-item.lumisections, -item.id),
        }
        assert [item.id for item in whole] == [item.id for item in sorted(whole, key=keys[order])]
        paged, cursor = [], None
        while True:
            page = incident_pages.page(tx, limit=4, order=order, before=cursor)
            paged += page.items
            if page.next is None:
                break
            cursor = int(page.next)
        assert [item.id for item in paged] == [item.id for item in whole]


def test_filters_look_for_a_part_of_a_name_in_whatever_case(tx):
    assert ids(tx, subsystem="cAl") == [2]
    assert ids(tx, dataset="run2024b") == [3, 2, 1]
    assert ids(tx, words="DEAD") == [3, 2]
    assert ids(tx, words="barrel/LAYER1") == [1]
    assert ids(tx, words="100%_") == []
    assert incident_pages.subsystems(tx) == ["Calo", "Muon", "Pixel"]


def test_a_name_in_full_keeps_longer_ones_out(store, seed):
    seed.fill(store)
    with store.begin() as tx:
        longer = seed.raise_incident(tx, 20, subsystem="CaloTowers", dataset=f"{seed.DATASET}2")
    with store.read() as tx:
        assert ids(tx, subsystem="calo") == [2]
        assert ids(tx, subsystem="alo") == [longer, 2]
        assert ids(tx, dataset=seed.DATASET) == [3, 2, 1]
        assert ids(tx, dataset=f"{seed.DATASET}2") == [longer]


def test_maps_of_consecutive_lumisections_are_multiplied(tx, seed):
    """The dead region stays, what fluctuates fades; a first map and other than maps have nothing to be multiplied."""
    report = evidence.evidence_view(tx, seed.DATASET, "Calo", 379415, 30, seed.OCCUPANCY)
    assert report.persistent.lumisections == [28, 29, 30]
    stays, alone = (np.array(item).reshape(36, 30) for item in (report.persistent.pulls, report.pulls))
    dead = np.zeros((36, 30), dtype=bool)
    dead[20:26, 10:18] = True
    assert (stays[dead] < -5).all()
    assert np.abs(stays[~dead]).mean() < 0.5 * np.abs(alone[~dead]).mean()
    second = evidence.evidence_view(tx, seed.DATASET, "Calo", 379415, 23, seed.OCCUPANCY)
    assert second.persistent.lumisections == [22, 23]
    assert evidence.evidence_view(tx, seed.DATASET, "Calo", 379415, 22, seed.OCCUPANCY).persistent is None
    assert evidence.evidence_view(tx, seed.DATASET, "Muon", 379415, 50, seed.TIMING).persistent is None


def test_strips_have_the_same_columns_newest_last(tx):
    strips = runs.strips(tx, 10)
    assert {tuple((cell.run, cell.ls) for cell in strip.cells) for strip in strips} == {
        tuple((379415, ls) for ls in range(53, 63))
    }
    muon = next(strip for strip in strips if strip.subsystem == "Muon")
    assert {cell.quality for cell in muon.cells} == {Quality.BAD}


def test_strips_cross_runs(tx):
    cells = runs.strips(tx, 65)[0].cells
    assert [(cell.run, cell.ls) for cell in cells[:4]] == [(379412, 59), (379412, 60), (379412, 61), (379415, 1)]


def test_the_map_and_the_run_agree(tx, seed):
    report = runs.detail(tx, 379415, None)
    muon = next(subsystem for subsystem in report.subsystems if subsystem.subsystem == "Muon")
    shown = run_map.run_map(tx, seed.DATASET, 379415, "Muon")
    columns = list(zip(*shown.qualities, strict=True))
    assert sum("3" in column for column in columns) == muon.bad == 22
    assert len(report.lumisections) == len(shown.lumisections) == 62
    assert run_map.run_map(tx, seed.DATASET, 379415, "none").elements == []


def test_the_machinery(tx):
    report = system.load_system(tx)
    assert [daemon.state for daemon in report.daemons] == ["running", "stopped"]
    assert report.schema_version is not None
    assert report.database.split()[0] in {"sqlite", "postgresql"}
    letters = deadletters.page(tx, limit=1)
    assert (letters.items[0].reason, letters.next) == ("negative-count", str(letters.items[0].id))
    assert letters.items[0].preview == "\\x00\\x1b[31m<b>ARROW1</b>"


def test_the_marker_moves_with_every_change(store, seed):
    seed.fill(store)

    def now():
        with store.read() as tx:
            return system.marker(tx)

    before = now()
    with store.begin() as tx:
        seed.raise_incident(tx, 9)
    assert (now().incidents != before.incidents, now()[1:] == before[1:]) == (True, True)
    with store.begin() as tx:
        tx.execute(lumisection.update().where(lumisection.c.ls == 62).values(updated_s=seed.now_s()))
    assert now().lumisections > before.lumisections
