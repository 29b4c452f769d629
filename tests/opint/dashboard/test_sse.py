"""Events: what has changed is told once, to whoever comes back too, and costs a slow page nothing."""

import asyncio
import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opint.dashboard.sse import Hub, changes, event_id, parse_event_id
from opint.store import system
from opint.store.system import Marker
from streams.errors import Unavailable

numbers = st.integers(0, 2**53)
markers = st.builds(Marker, *[numbers] * len(Marker._fields))


@pytest.fixture
def fresh(own_server, store, seed):
    """A client of a server whose hub has seen no other store."""
    return own_server(store, seed.now_s)


@given(markers)
def test_a_marker_survives_as_an_event_id(marker):
    assert parse_event_id(event_id(marker)) == marker


@given(st.text(max_size=60))
def test_any_other_id_is_nothing_known_or_a_marker(text):
    report = parse_event_id(text)
    assert report is None or len(report) == 4


@given(markers, markers)
def test_changes_name_what_differs_and_only_the_last_has_the_id(before, after):
    if before == after:
        return
    events = changes(before, after).decode().split("\n\n")[:-1]
    names = [event.splitlines()[0].removeprefix("event: ") for event in events]
    assert names == [part for part in Marker._fields if getattr(before, part) != getattr(after, part)]
    assert [event.count("\nid: ") for event in events] == [0] * (len(events) - 1) + [1]


def _events(client, headers, until):
    """Names and ids of the events up to the first one called ``until``."""
    with client.stream("GET", "/events", headers=headers) as answer:
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["content-type"].startswith("text/event-stream")
        name, results = "", []
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
                if name == until:
                    return results
                results.append(name)
    raise AssertionError("the stream ended")


def _marker(store):
    with store.read() as tx:
        return system.marker(tx)


def test_a_new_page_is_told_everything(fresh, store):
    assert _events(fresh, {}, "alive") in ([], list(Marker._fields))
    assert _events(fresh, {}, "heartbeat") == ["incidents", "lumisections", "dead_letters"]


def test_resuming_tells_what_was_missed_and_nothing_else(fresh, store, seed):
    last_event = event_id(_marker(store))
    _events(fresh, {}, "heartbeat")
    assert _events(fresh, {"Last-Event-ID": last_event}, "alive") == []
    with store.begin() as tx:
        seed.raise_incident(tx, 9)
    assert _missed(fresh, last_event) == ["incidents"]


def _missed(client, last_event):
    return [name for name in _events_until_any_change(client, last_event) if name != "alive"]


def _events_until_any_change(client, last_event):
    with client.stream("GET", "/events", headers={"Last-Event-ID": last_event}) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: ") and "alive" not in line:
                return [line.removeprefix("event: ")]
    raise AssertionError("the stream ended")


class _Moving:
    """A store's marker that the test moves."""

    def __init__(self):
        self.at = Marker(1, 1, 1, 1, 1, 1)
        self.away = False

    def read(self):
        if self.away:
            raise Unavailable("away")
        return self.at


async def _started(moving):
    hub = Hub(moving.read, lambda: 100.0)
    await hub._look()
    return hub


def test_a_slow_page_gets_one_summary_not_a_backlog():
    async def scenario():
        moving = _Moving()
        hub = await _started(moving)
        stream = hub.stream(moving.at)
        first = [await anext(stream) for _ in range(2)]
        assert b"retry" in first[0]
        assert b"alive" in first[1]
        for step in range(2, 2000):
            moving.at = moving.at._replace(lumisections=step)
            await hub._look()
        report = await anext(stream)
        assert report.count(b"event: ") == 1
        assert b"id: 1.1999.1.1.1" in report
        await stream.aclose()
        assert hub.streams == 0

    asyncio.run(scenario())


def test_the_page_hears_that_the_database_is_away():
    async def scenario():
        moving = _Moving()
        hub = await _started(moving)
        moving.away = True
        await hub._look()
        stream = hub.stream(moving.at)
        await anext(stream)
        assert b'"reachable":false' in await anext(stream)
        await stream.aclose()

    asyncio.run(scenario())


def test_closing_ends_every_stream():
    async def scenario():
        moving = _Moving()
        hub = await _started(moving)

        async def drain():
            return [item async for item in hub.stream(None)]

        tasks = [asyncio.create_task(drain()) for _ in range(20)]
        await asyncio.sleep(0.01)
        hub.close()
        for report in await asyncio.wait_for(asyncio.gather(*tasks), 2):
            assert any(b"id: 1.1.1.1.1" in item for item in report)

    asyncio.run(scenario())


def test_many_pages_share_one_reader(fresh):
    lines = []  # A line iterator that is dropped closes its stream.
    with contextlib.ExitStack() as open_pages:
        for _ in range(30):
            item = open_pages.enter_context(httpx.Client(base_url=fresh.base_url))
            answer = open_pages.enter_context(item.stream("GET", "/events"))
            lines.append(answer.iter_lines())
            assert next(lines[-1]) == "retry: 2000"
        assert "nightshift_dashboard_streams 30.0" in fresh.get("/metrics").text


@pytest.mark.parametrize("since", ["", "1.2", "x", "9" * 100])
def test_nonsense_ids_are_a_new_page(client, since):
    assert _events(client, {"Last-Event-ID": since}, "heartbeat") == ["incidents", "lumisections", "dead_letters"]
