"""States come back exactly as they were stored."""

import threading
from dataclasses import fields, replace
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sqlalchemy import func, select

from dqm.core.quality import Quality
from dqm.core.state import Amounts, Bands, LumisectionState, Numbers, SubsystemScores, SubsystemVerdict
from opint.store import catalogues, evidence, lumisections
from opint.store.engine import Store
from opint.store.tables import evidence as evidence_table
from opint.store.tables import lumisection
from streams.records import Axis, Catalogue, Conditions, LumisectionKey, MonitoringElement

SET = "/A/B/C"
NUMBERS = count()


def _same(lumisection_state: LumisectionState, other: LumisectionState) -> None:
    for name in (
        "dataset",
        "key",
        "conditions",
        "model_version",
        "first_seen_s",
        "origin",
        "closed_s",
        "closed_because",
        "revision",
    ):
        assert getattr(lumisection_state, name) == getattr(other, name), name
    assert lumisection_state.parts.keys() == other.parts.keys()
    assert lumisection_state.verdicts.keys() == other.verdicts.keys()
    for name, part in lumisection_state.parts.items():
        _same_fields(part, other.parts[name])
    for name, verdict in lumisection_state.verdicts.items():
        _same_fields(verdict, other.verdicts[name])


def _same_fields(item: object, other: object) -> None:
    for name in (field.name for field in fields(item) if field.name != "evidence"):  # type: ignore[arg-type]
        first, second = (_plain(getattr(each, name)) for each in (item, other))
        if isinstance(first, np.ndarray):
            assert first.dtype == second.dtype, name
        np.testing.assert_array_equal(first, second, err_msg=name)


def _plain(value: object) -> object:
    return value.as_array() if isinstance(value, Numbers) else value


REALS = st.floats(width=32, allow_subnormal=True)
MAYBE = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def states(draw: st.DrawFn) -> LumisectionState:
    """Any state, with any content."""
    closed = draw(st.booleans())
    parts, verdicts = {}, {}
    for name in draw(st.sets(st.text(min_size=1, max_size=5).filter(lambda item: "\0" not in item), max_size=3)):
        n = draw(st.integers(0, 4))
        axis = Axis(2, -1.5, 2.5, "x", edges=(-1.5, 0.0, 2.5), categories=("a", "b"))
        catalogue = Catalogue.of([MonitoringElement(f"f/me{i}", (axis,) * (1 + i % 2)) for i in range(n)])
        scorers = draw(st.lists(st.sampled_from("abc"), unique=True))
        parts[name] = SubsystemScores(
            catalogue=catalogue,
            scorers=tuple(scorers),
            present=draw(arrays(np.bool_, n)),
            p_values=draw(arrays(np.float32, n, elements=REALS)),
            scores=draw(arrays(np.float32, (len(scorers), n), elements=REALS)),
            digests=draw(arrays(np.uint64, n)),
            reasons=draw(arrays(np.uint8, n)),
            bands=draw(st.none() | arrays(np.float32, (7, n), elements=REALS).map(Bands.from_array)),
            amounts=draw(st.none() | arrays(np.float32, (3, n), elements=REALS).map(Amounts.from_array)),
        )
        if closed:
            qualities = draw(arrays(np.uint8, n, elements=st.integers(0, 3)))
            p_value = draw(st.just(float("nan")) | st.floats(0, 1))
            verdicts[name] = SubsystemVerdict(
                Quality(draw(st.integers(0, 3))), p_value, qualities, draw(arrays(np.uint8, n))
            )
    conditions = Conditions(
        fill=draw(st.none() | st.integers(0, 2**53)),
        era=draw(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
        pileup=draw(MAYBE),
        beams_stable=draw(st.none() | st.booleans()),
        dcs=draw(st.dictionaries(st.sampled_from(["DT", "CSC"]), st.booleans())),
    )
    key = LumisectionKey(draw(st.integers(0, 2**62)), draw(st.integers(0, 2**62)))
    return LumisectionState(
        SET,
        key,
        conditions,
        "m1",
        parts,
        1.5,
        "t[0]",
        2.5 if closed else None,
        "complete" if closed else "",
        int(closed),
        verdicts,
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=states())
def test_every_state_comes_back_exactly(store: Store, state: LumisectionState) -> None:
    state = replace(state, dataset=f"/{next(NUMBERS)}")
    with store.begin() as tx:
        lumisections.save(tx, [state], {(state.dataset, state.key): 3.0}, 4.0)
        result = lumisections.load(tx, state.dataset, [state.key, LumisectionKey(2**62, 1)])
    assert result.keys() == {state.key}
    _same(result[state.key], state)


def test_a_changed_state_replaces_the_old_one(store: Store, make_state) -> None:
    old = make_state(1, 7, {"DT": 5})
    new = replace(make_state(1, 7, {"DT": 5, "CSC": 3}, seed=1, closed=True), first_seen_s=old.first_seen_s)
    with store.begin() as tx:
        lumisections.save(tx, [old], {(SET, old.key): 9.0}, 1.0)
        lumisections.save(tx, [new], {(SET, old.key): 5.0}, 2.0)
        _same(lumisections.load(tx, SET, [old.key])[old.key], new)
        row = tx.execute(select(lumisection.c.published_s, lumisection.c.updated_s)).one()
        assert tuple(row) == (9.0, 2.0)


def test_a_state_without_publishing_time_keeps_the_stored_one(store: Store, make_state) -> None:
    state = make_state(1, 7)
    with store.begin() as tx:
        lumisections.save(tx, [state], {(SET, state.key): 9.0}, 1.0)
        lumisections.save(tx, [make_state(1, 7, closed=True)], {}, 2.0)
        assert tx.execute(select(lumisection.c.published_s)).scalar_one() == 9.0


def test_scores_of_another_model_stay_but_are_not_mixed_in(store: Store, make_state) -> None:
    state = make_state(1, 7, {"DT": 5, "CSC": 3})
    retrained = replace(make_state(1, 7, {"DT": 5}, seed=2), model_version="m2")
    with store.begin() as tx:
        lumisections.save(tx, [state], {}, 1.0)
        lumisections.save(tx, [retrained], {}, 2.0)
        _same(lumisections.load(tx, SET, [state.key])[state.key], retrained)


def test_datasets_are_told_apart(store: Store, make_state) -> None:
    state = make_state(1, 7)
    with store.begin() as tx:
        lumisections.save(tx, [state, make_state(1, 7, seed=3, dataset="/D/E/F")], {}, 1.0)
        _same(lumisections.load(tx, SET, [state.key])[state.key], state)
        assert lumisections.load(tx, "/none", [state.key]) == {}
        assert lumisections.load(tx, SET, []) == {}


def test_a_verdict_needs_its_part(store: Store, make_state) -> None:
    state = replace(make_state(1, 7, closed=True), parts={})
    with store.begin() as tx, pytest.raises(ValueError, match="of which the state has no part"):
        lumisections.save(tx, [state], {}, 1.0)


def test_two_daemons_add_up_one_lumisection_one_after_the_other(store: Store, make_state) -> None:
    """Even if neither has stored anything of it yet."""
    key = LumisectionKey(1, 7)
    begun, results = threading.Event(), []

    def second() -> None:
        begun.set()
        with store.begin() as tx:
            results.append(lumisections.load(tx, SET, [key]))

    thread = threading.Thread(target=second)
    with store.begin() as tx:
        assert lumisections.load(tx, SET, [key]) == {}
        thread.start()
        begun.wait()
        thread.join(0.2)
        assert not results
        lumisections.save(tx, [make_state(1, 7)], {}, 1.0)
    thread.join(5)
    assert list(results[0]) == [key]


def test_a_catalogue_is_read_from_another_process_exactly(store: Store, make_state, monkeypatch) -> None:
    state = make_state(1, 7)
    with store.begin() as tx:
        lumisections.save(tx, [state], {}, 1.0)
    catalogues._cached.clear()
    with store.read() as tx:
        result = catalogues.load(tx, {part.catalogue.digest for part in state.parts.values()})
    for part in state.parts.values():
        assert result[part.catalogue.digest] == part.catalogue
        assert result[part.catalogue.digest].digest == part.catalogue.digest


@pytest.mark.parametrize(
    ("arrivals", "due"),
    [
        ([(1, 7, "t[0]"), (1, 8, "t[0]")], []),
        ([(1, 7, "t[0]"), (1, 8, "t[0]"), (1, 9, "t[0]")], [(1, 7)]),
        ([(1, 7, "t[0]"), (1, 8, "t[1]"), (1, 9, "t[1]")], []),
        ([(1, 7, "t[0]"), (2, 1, "t[0]"), (2, 2, "t[0]")], [(1, 7)]),
        ([(1, 0, "t[0]"), (1, 8, "t[0]"), (1, 9, "t[0]"), (1, 10, "t[0]")], [(1, 8)]),
        ([(1, 0, "t[0]"), (2, 8, "t[0]"), (2, 9, "t[0]")], [(1, 0)]),
        ([(1, 7, "t[0]"), (1, 6, "t[0]"), (1, 5, "t[0]")], [(1, 5)]),
    ],
)
def test_what_later_ones_of_its_partition_overtake_is_due(store: Store, make_state, arrivals, due) -> None:
    states = [replace(make_state(run, ls), origin=origin, first_seen_s=100.0) for run, ls, origin in arrivals]
    with store.begin() as tx:
        lumisections.save(tx, states, {}, 100.0)
        result = lumisections.due(tx, 101.0, 60.0, 2)
    assert result == {(SET, LumisectionKey(*key)): "overtaken" for key in due}


def test_what_waits_too_long_is_due(store: Store, make_state) -> None:
    old, young, closed = make_state(1, 1), make_state(1, 2), make_state(1, 3, closed=True)
    states = [replace(old, first_seen_s=40.0), replace(young, first_seen_s=41.0), replace(closed, first_seen_s=1.0)]
    with store.begin() as tx:
        lumisections.save(tx, states, {}, 100.0)
        assert lumisections.due(tx, 100.0, 60.0, 5) == {(SET, old.key): "timed out"}


def test_evidence_comes_back_and_is_bounded(store: Store, make_state, evidence_of) -> None:
    names = [f"Muon/me{n:03}" for n in range(100)]
    state = make_state(1, 7, {"DT": 100})
    reports = {me: evidence_of(me, p_value=(n + 1) / 1000) for n, me in enumerate(names)}
    for sample in (names[50:], names[:50]):
        part = replace(state.parts["DT"], evidence={me: reports[me] for me in sample})
        with store.begin() as tx:
            lumisections.save(tx, [replace(state, parts={"DT": part})], {}, 1.0)
    with store.read() as tx:
        result = evidence.load(tx, SET, state.key, "DT")
        assert tx.execute(select(func.count()).select_from(evidence_table)).scalar_one() == evidence.MOST_PER_SUBSYSTEM
        assert evidence.hints(tx, SET, state.key, "DT")[names[0]].sentence == "bins 3 to 5 are empty"
    assert result == {me: reports[me] for me in names[: evidence.MOST_PER_SUBSYSTEM]}


def test_evidence_written_without_counts_keeps_the_picture_that_is_stored(store, make_state, evidence_of) -> None:
    state = make_state(1, 1, {"DT": 3})
    pictured = evidence_of("a")
    bare = replace(pictured, kind="stuck", counts=(), reference=(), pulls=(), worst_bins=(), entries=float("nan"))

    def carrying(*records):
        part = replace(state.parts["DT"], evidence={item.me: item for item in records})
        return replace(state, parts={"DT": part})

    with store.begin() as tx:
        evidence.save(tx, [carrying(pictured)])
        evidence.save(tx, [carrying(bare, replace(bare, me="b"))])
        result = evidence.load(tx, SET, state.key, "DT")
    assert result["a"] == replace(pictured, kind="stuck")
    assert result["b"].counts == ()


def test_evidence_without_a_number_comes_back_as_nan(evidence_of) -> None:
    item = replace(
        evidence_of("a", float("nan")), pulls=(float("inf"), float("nan")), counts=(), scores={"x": float("nan")}
    )
    back = evidence.decode(evidence.encode(item))
    assert np.isnan([back.p_value, *back.pulls, back.scores["x"]]).all()
    assert replace(back, p_value=0, pulls=(), scores={}) == replace(item, p_value=0, pulls=(), scores={})
