"""The order of arrival must not matter."""

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from conf.settings import AlertSettings
from dqm.core.quality import Reason
from opint.incidents import update
from opint.incidents.rule import Observation, walk
from opint.store import lumisections
from opint.store.engine import Store
from opint.store.tables import incident, occurrence
from streams.records import LumisectionKey

WHO = st.sampled_from(["ok", "ok", "ok", "bad", "bad", "other", "both", "unseen", "gone"])
FIRST, SECOND = "Muon/Sector1/me0", "Muon/Sector1/me1"
VERDICTS = {
    "ok": {},
    "bad": {FIRST: Reason.DEVIATES},
    "other": {SECOND: Reason.DEVIATES},
    "both": {FIRST: Reason.DEVIATES, SECOND: Reason.DEVIATES},
    "unseen": {FIRST: Reason.LOW_STATISTICS, SECOND: Reason.LOW_STATISTICS},
    "gone": {FIRST: Reason.MISSING},
}
_NUMBERS = count()
Episodes = list[tuple[frozenset[tuple[int, int]], bool]]


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[LumisectionKey, str], list[list[LumisectionKey]], AlertSettings]:
    """Verdicts of some lumisections of two runs, and the batches in which they arrive."""
    sizes = draw(st.lists(st.integers(0, 8), min_size=1, max_size=2))
    keys = [
        LumisectionKey(run, ls) for run, size in enumerate(sizes, 1) for ls in range(draw(st.integers(0, 1)), size + 1)
    ]
    verdicts = {key: draw(WHO) for key in keys}
    order = draw(st.permutations(keys))
    batches = []
    while order:
        size = draw(st.integers(1, 6))
        batches.append(order[:size])
        order = order[size:]
    raise_of = draw(st.integers(1, 4))
    # Records that recur make incidents of their own, which have a test of their own.
    rules = AlertSettings(
        raise_bad=draw(st.integers(1, raise_of)),
        raise_of=raise_of,
        clear_good=draw(st.integers(1, 4)),
        recurring_records=100,
    )
    return verdicts, batches, rules


@pytest.fixture(scope="module")
def one_store(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database for all examples, each of which has a dataset of its own."""
    path = tmp_path_factory.mktemp("order") / "nightshift.db"
    shutil.copy(sqlite_template, path)
    store = Store.open(f"sqlite:///{path}")
    yield store
    store.close()


def stored(store: Store, dataset: str, family: str) -> Episodes:
    """Occurrences of each incident of Sector1 that has some, and whether it is still active."""
    query = (
        select(incident.c.id, incident.c.state, occurrence.c.run, occurrence.c.ls)
        .join(occurrence, occurrence.c.incident_id == incident.c.id)
        .where(incident.c.dataset == dataset, incident.c.family == family)
    )
    results: dict[int, tuple[set[tuple[int, int]], bool]] = {}
    with store.read() as tx:
        for number, state, run, ls in tx.execute(query):
            results.setdefault(number, (set(), state != "resolved"))[0].add((run, ls))
    return sorted(((frozenset(keys), active) for keys, active in results.values()), key=lambda item: sorted(item[0]))


def expected(verdicts: dict[LumisectionKey, str], family: str, rules: AlertSettings) -> Episodes:
    """The rule, walked once over all lumisections in order."""
    folder = [f"Muon/Sector1/me{i}" for i in range(4)]
    window = []
    for key in sorted(verdicts):
        verdict = VERDICTS[verdicts[key]]
        window.append(
            Observation(
                key,
                tuple(me for me in folder if me in verdict and verdict[me].family == family),
                frozenset(me for me in folder if me in verdict and verdict[me].alarms),
                frozenset(me for me in folder if me not in verdict),
            )
        )
    episodes = walk(window, None, [], rules)
    return sorted(
        (
            (frozenset((item.key.run, item.key.ls) for item in each.observations), each.ended is None)
            for each in episodes
        ),
        key=lambda item: sorted(item[0]),
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_any_order_of_arrival_leads_to_the_same_incidents(one_store: Store, judge, history) -> None:
    verdicts, batches, rules = history
    dataset = f"/{next(_NUMBERS)}"
    for batch in batches:
        states = [judge(key.run, key.ls, VERDICTS[verdicts[key]], dataset=dataset) for key in batch]
        with one_store.begin() as tx:
            lumisections.save(tx, states, {}, 1.0)
            update.update(tx, states, rules, 2.0)
    for family in ("content", "missing"):
        assert stored(one_store, dataset, family) == expected(verdicts, family, rules)
