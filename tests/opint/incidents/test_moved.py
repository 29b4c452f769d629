"""A whole run that moved in nearly all folders is one incident, and what is accepted of it holds for all of them."""

from dataclasses import replace
from itertools import permutations

import numpy as np
from sqlalchemy import select

from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.state import ScoredBatch, SubsystemScores
from dqm.core.verdicts import Judge, close
from opint.incidents import acceptance, update
from opint.store import acceptances, incident_pages, lumisections
from opint.store.tables import incident, occurrence
from streams.records import Axis, Catalogue, Conditions, LumisectionKey, MonitoringElement

FOLDERS = 5
NAMES = [f"Muon/Sector{folder}/time" for folder in range(FOLDERS)]
CATALOGUE = Catalogue.of([MonitoringElement(name, (Axis(4, 0.0, 4.0),)) for name in NAMES])
JUDGE = Judge({"Muon": CATALOGUE}, {}, 1e-2)
RULES = AlertSettings()
STREAMS = {"content": "histograms", "moved": "histograms"}
RUNS = {1: 5, 2: 1, 3: 4, 4: 0}
"""Runs, and in how many folders they deviate."""


def judged(run, deviating, dataset):
    p_values = np.full(FOLDERS, 0.5, dtype=np.float32)
    p_values[:deviating] = 1e-6
    scores = SubsystemScores(
        catalogue=CATALOGUE,
        scorers=("pull",),
        present=np.ones(FOLDERS, dtype=np.bool_),
        p_values=p_values,
        scores=np.ones((1, FOLDERS), dtype=np.float32),
        digests=np.arange(FOLDERS, dtype=np.uint64) + np.uint64(10 * run),
        reasons=np.zeros(FOLDERS, dtype=np.uint8),
    )
    batch = ScoredBatch(LumisectionKey(run, 0), dataset, "Muon", Conditions(), "m1", scores)
    return close(merge(None, batch, 0.0).state, {}, JUDGE, DqmSettings(), 1.0, "complete")


def store_state(store, state):
    with store.begin() as tx:
        lumisections.save(tx, [state], {}, 1.0)
        update.update(tx, [state], RULES, 2.0)


def feed(store, order, dataset):
    """One run after the other; where each incident was seen."""
    for run in order:
        store_state(store, judged(run, RUNS[run], dataset))
    return incident_rows(store, dataset)


def incident_rows(store, dataset):
    query = select(incident.c.family, incident.c.element_group, occurrence.c.run, occurrence.c.elements)
    with store.read() as tx:
        rows = tx.execute(query.join(occurrence).where(incident.c.dataset == dataset))
        return sorted((family, group, run, len(elements)) for family, group, run, elements in rows)


def test_a_run_that_moved_as_a_whole_is_one_incident_in_any_order_of_arrival(store):
    for number, order in enumerate(permutations(RUNS)):
        if number % 5 == 0:
            assert feed(store, order, f"/{number}/B/C") == [
                ("content", "Muon/Sector0", 2, 1),
                ("moved", "", 1, 5),
                ("moved", "", 3, 4),
            ]


def test_a_revised_run_has_the_incidents_that_it_would_have_had_at_once(store):
    feed(store, [1], "/A/B/C")
    store_state(store, replace(judged(1, 1, "/A/B/C"), revision=2))
    assert incident_rows(store, "/A/B/C") == [("content", "Muon/Sector0", 1, 1)]
    with store.read() as tx:
        assert sorted((shown.family, shown.state) for shown in incident_pages.page(tx, limit=5).items) == [
            ("content", "open"),
            ("moved", "resolved"),
        ]


def test_it_lists_its_folders_and_is_accepted_for_all_of_them(store):
    feed(store, [1], "/A/B/C")
    with store.begin() as tx:
        (shown,) = incident_pages.gravest(tx, 5)
        assert shown.title == (
            "Muon moved as a whole: content unlike that of good runs in 5 of 5 monitoring elements since run 1"
        )
        acceptance.accept(tx, shown.id, "ana", "new high voltage", 5.0, STREAMS)
        detail = incident_pages.detail(tx, shown.id)
        accepted = acceptances.in_force(tx, "histograms", "/A/B/C", 2)
    assert detail.folders == [name.rpartition("/")[0] for name in NAMES]
    assert (detail.state, detail.acceptance.elements) == ("resolved", NAMES)
    assert accepted == {"Muon": dict.fromkeys(NAMES, accepted["Muon"][NAMES[0]])}


def test_more_elements_than_an_occurrence_names_are_accepted_as_well(store, monkeypatch):
    monkeypatch.setattr("opint.incidents.window.MOST_NAMED", 2)
    assert feed(store, [1], "/A/B/C") == [("moved", "", 1, 2)]
    with store.begin() as tx:
        (shown,) = incident_pages.gravest(tx, 5)
        acceptance.accept(tx, shown.id, "ana", "new high voltage", 5.0, STREAMS)
        assert incident_pages.detail(tx, shown.id).acceptance.elements == NAMES
