"""Incidents of trigger rates: one for each cause, in the words of a trigger expert."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from dqm.core.quality import Reason
from dqm.core.state import Bands, LumisectionState
from dqm.core.verdicts import QUALITY, Quality, SubsystemVerdict
from opint.incidents import titles, update
from opint.incidents.families import IncidentKey
from opint.incidents.rule import Observation
from opint.store import lumisections
from opint.store.evidence import Hint
from opint.store.tables import incident
from opint.store.trigger_rates import LumisectionRates
from streams.records import Catalogue, LumisectionKey, MonitoringElement
from tests.scripted_rates import DATASET, MENU, PER_SEED, Scripted, rates

ALL = len(MENU.names)
PATH = f"L1_HTT360/{MENU.hlt[-1]}"


@pytest.fixture
def feed(store, rules):
    """Judges rates in order, each lumisection in a transaction of its own; then all incidents."""
    pipeline = Scripted()

    def _feed(records, reasons=None, kind=None):
        for record in records:
            (scored,) = pipeline.score([record])
            part = scored.scores if kind is None else _kind(scored.scores, kind)
            state = LumisectionState(DATASET, record.key, record.conditions, pipeline.version, {"Trigger": part}, 1.0)
            state = pipeline.close(state, {}, 2.0, "complete")
            state = state if reasons is None else _judged(state, reasons)
            with store.begin() as tx:
                lumisections.save(tx, [state], {}, 2.0)
                update.update(tx, [state], rules, 2.0)
        with store.read() as tx:
            return tx.execute(select(incident).order_by(incident.c.id)).all()

    return _feed


def _judged(state, reasons):
    """With these reasons for whatever begins so."""
    report = state.verdicts["Trigger"].reasons.copy()
    for row, name in enumerate(state.parts["Trigger"].catalogue.names):
        report[row] = next((reason for start, reason in reasons.items() if name.startswith(start)), report[row])
    qualities = QUALITY[report]
    verdict = SubsystemVerdict(Quality(int(qualities.max())), float("nan"), qualities, report)
    return replace(state, verdicts={"Trigger": verdict})


def _kind(part, kind):
    return replace(part, evidence={me: replace(item, kind=kind) for me, item in part.evidence.items()})


def moved(factors, count=4):
    return [rates(386000, 120 + n, factors) for n in range(count)]


def test_a_seed_is_one_incident_and_says_by_how_much(feed):
    (result,) = feed(moved({"L1_SingleMu22/": 1.35}))
    assert result.title.startswith(f"L1_SingleMu22: 6 of {PER_SEED + 1} rates moved together (+3")
    assert result.title.endswith("%) since run 386000 LS 120")
    assert (result.severity, result.kind, result.family) == ("critical", "seed", "seed")
    assert "look at the L1 seed" in result.explanation
    assert "Hz are expected" in result.explanation


def test_what_comes_back_later_does_not_rewrite_the_title(feed):
    first = moved({"L1_SingleMu22/": 2.0}, count=6)
    later = [rates(386000, 126 + n, {"L1_SingleMu22/": 1.2}) for n in range(3)]
    (result,) = feed([*first, *later], {"L1_SingleMu22/": Reason.SEED_MOVED})
    assert result.last_ls == 128
    assert "(+9" in result.title or "(+10" in result.title


def test_a_path_by_itself_is_a_warning_however_unlikely(feed):
    (result,) = feed(moved({PATH: 0.0}))
    assert result.title == (
        f"{MENU.hlt[-1]}: rate moved by itself (−100 %), L1_HTT360 did not move since run 386000 LS 120"
    )
    assert (result.severity, result.element_group, result.elements) == ("warning", PATH, 1)


def test_two_paths_of_one_seed_are_two_incidents(feed):
    result = feed(moved({"L1_HTT360/HLT_HTT360_Path0": 2.0, "L1_HTT360/HLT_HTT360_Path1": 0.4}))
    assert [item.family for item in result] == ["path", "path"]


def test_all_rates_are_one_critical_incident(feed):
    (result,) = feed(moved({"": 0.3}))
    assert result.title.startswith("All trigger rates moved together (−7")
    assert f"{ALL} of {ALL}" in result.title
    assert result.severity == "critical"


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("prescale column 7", "Rates as of prescale column 7 instead of 2"),
        (None, "Rates as of another prescale column"),
    ],
)
def test_a_prescale_column_is_named(feed, kind, start):
    wrong = dict.fromkeys((PATH, "L1_SingleMu22/HLT_SingleMu22_Path0"), Reason.WRONG_PRESCALES)
    (result,) = feed(moved({PATH: 3.0}), wrong, kind)
    assert result.title.startswith(start)
    assert (result.family, result.severity, result.elements) == ("prescales", "critical", 2)


def test_rates_that_stick_or_stay_away_are_one_incident_each(feed):
    result = feed(moved({}), {"L1_H": Reason.MISSING, "L1_S": Reason.FROZEN, "L1_D": Reason.FROZEN})
    assert sorted(item.title for item in result) == [
        f"Trigger rates missing: {PER_SEED + 1} of {ALL} were not published since run 386000 LS 120",
        f"Trigger rates stuck: {ALL - PER_SEED - 1} of {ALL} repeat digit by digit since run 386000 LS 120",
    ]


def test_it_clears_when_the_rates_are_back(feed, rules):
    (result,) = feed([*moved({"L1_SingleMu22/": 1.35}), *(rates(386000, 124 + n) for n in range(rules.clear_good))])
    assert (result.state, result.last_ls) == ("resolved", 123)


def test_a_path_is_compared_with_what_its_seed_makes_one_expect():
    catalogue = Catalogue.of([MonitoringElement(name, ()) for name in ("S/A", "S/B")])
    items = np.ones(2, dtype=np.float32)
    bands = Bands(12 * items, 10 * items, 9 * items, 11 * items, 6 * items, items, items)
    measured = LumisectionRates(catalogue, bands, np.zeros(2, dtype=np.uint8), 1)
    labels = {family: IncidentKey("", "Trigger", family, group) for family, group in (("path", "S/A"), ("seed", "S"))}
    reports = {family: titles.rate_change(measured, label) for family, label in labels.items()}
    assert reports == {"path": pytest.approx(0.2), "seed": pytest.approx(1.0)}
    nothing = LumisectionRates(catalogue, Bands.nothing(2), np.zeros(2, dtype=np.uint8), None)
    assert titles.rate_change(nothing, IncidentKey("", "Trigger", "seed", "S")) is None
    assert "%" not in titles.rate_title(IncidentKey("", "Trigger", "seed", "S"), "seed", 1, 2, None, None)


def test_what_befalls_all_rates_is_critical():
    assert titles.severity("prescales", 3, 600, 0.01) == "critical"
    assert titles.severity("path", 1, 1, 1e-12) == "warning"
    assert titles.severity("seed", 40, 40, 1e-5) == "warning"
    assert titles.severity("seed", 40, 40, 1e-6) == "critical"


def test_where_the_worst_has_no_evidence_another_speaks():
    labels, observation = IncidentKey("", "Trigger", "all-rates", ""), Observation(LumisectionKey(1, 2), ("S/A", "S/B"))
    report = titles.explanation(
        labels, observation, {"S/B": Hint("all-rates", "Rate 3 Hz where 1 to 2 Hz are expected.")}
    )
    assert report.startswith("Worst in run 1 LS 2: S/A. S/B: Rate 3 Hz where 1 to 2 Hz are expected. All seeds")
