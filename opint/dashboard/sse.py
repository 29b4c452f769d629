"""Server-sent events: tell every open page what has changed, so that it can fetch that part again.

One task reads the store's marker every second, however many pages are open. A subscriber holds nothing
but the marker it was told last; when it is ready for more it gets the difference to the present one. So a
slow page costs no memory and never gets a backlog, and resuming after a broken connection
(``Last-Event-ID``) is the same thing as going on. The marker is a state of the store and not of this
process: it stays meaningful when the dashboard is restarted.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import orjson
from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from conf.errors import NightshiftError
from opint.store.system import Marker

POLL_S = 1.0
ALIVE_S = 5.0
MOST_STREAMS = 256


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """The present in one piece, for the page's clock and stale banner; times in s since 1970.

    ``marker`` is the newest event id: a page that did not follow the stream itself sees by it what has changed.
    """

    now_s: float
    heartbeat_s: float | None
    reachable: bool
    marker: str


class Hub:
    """The one reader of the store's marker, and its subscribers."""

    def __init__(self, read: Callable[[], Marker], clock: Callable[[], float]) -> None:
        """``read`` gives the present marker and may raise ``NightshiftError``."""
        self._read = read
        self._clock = clock
        self._marker: Marker | None = None
        self._reachable = False
        self._moved = asyncio.Event()
        self._closed = False
        self.streams = 0

    async def run(self) -> None:
        """Watch the store until cancelled or closed."""
        while not self._closed:
            await self._look()
            await asyncio.sleep(POLL_S)

    async def _look(self) -> None:
        before = (self._marker, self._reachable)
        try:
            self._marker = await run_in_threadpool(self._read)
            self._reachable = True
        except NightshiftError:
            self._reachable = False
        if (self._marker, self._reachable) != before:
            self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def close(self) -> None:
        """End all streams; the browsers will try again later."""
        self._closed = True
        self._wake()

    def pulse(self) -> LiveStatus:
        """The present moment, for the page."""
        beat = self._marker.heartbeat / 1000 if self._marker and self._marker.heartbeat else None
        return LiveStatus(self._clock(), beat, self._reachable, event_id(self._marker) if self._marker else "")

    async def stream(self, last: Marker | None) -> AsyncIterator[bytes]:
        """Events from marker ``last`` on, as bytes of ``text/event-stream``."""
        if self.streams >= MOST_STREAMS:
            return
        self.streams += 1
        try:
            yield b"retry: 2000\n\n"
            while not self._closed:
                moved = self._moved
                if self._marker is not None and self._marker != last:
                    yield changes(last, self._marker)
                    last = self._marker
                yield event("alive", orjson.dumps(self.pulse()))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(moved.wait(), ALIVE_S)
        finally:
            self.streams -= 1


def changes(before: Marker | None, present: Marker) -> bytes:
    """One event for each part that differs; only the last carries the id, so that none is lost half-way."""
    parts = [part for part in Marker._fields if before is None or getattr(before, part) != getattr(present, part)]
    last = parts.pop()
    return b"".join(event(part, b"{}") for part in parts) + event(last, b"{}", event_id(present))


def event(name: str, data: bytes, identifier: str | None = None) -> bytes:
    """One event in the format of https://html.spec.whatwg.org/multipage/server-sent-events.html."""
    identity = f"id: {identifier}\n" if identifier is not None else ""
    return f"event: {name}\n{identity}data: ".encode() + data + b"\n\n"


def event_id(marker: Marker) -> str:
    """A marker as an event id."""
    return ".".join(map(str, marker))


def parse_event_id(event_id: str) -> Marker | None:
    """Inverse of :func:`event_id`; None for anything else, which means that nothing is known."""
    numbers = event_id.split(".")
    if len(numbers) != len(Marker._fields) or not all(number.isdecimal() and len(number) < 20 for number in numbers):
        return None
    return Marker(*map(int, numbers))


def router(hub: Hub) -> APIRouter:
    """The route ``/events``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/events")
    async def events(request: Request, since: str = "") -> StreamingResponse:
        if hub.streams >= MOST_STREAMS:
            raise HTTPException(503, f"{MOST_STREAMS} pages are open already.")
        last = parse_event_id(request.headers.get("last-event-id", since))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(hub.stream(last), media_type="text/event-stream", headers=headers)

    return routes
