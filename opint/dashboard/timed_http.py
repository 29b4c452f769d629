"""HTTP for a server whose clients may be slow, broken or hostile: nobody holds a connection by sending half a request.

uvicorn itself times only connections that are idle between two requests; one that has sent half a header would be kept
for ever.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

RECEIVE_S = 10.0
"""How long a client may take to send a request, from its connection or the first byte on."""

MOST_CONNECTIONS = 512
"""Open connections beyond which new ones are closed at once; twice the number of event streams that are served."""


class TimedHttp(H11Protocol):
    """uvicorn's HTTP protocol, with a time for receiving a request and a bound on connections."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock, or refuse one connection too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.close()
        else:
            self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Stop the clock once a request is whole, and start it with the first byte of the next."""
        super().handle_events()
        half_header = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if self.conn.their_state is h11.SEND_BODY or half_header:
            self._start_clock()
        else:
            self._stop_clock()

    def _start_clock(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(RECEIVE_S, self._close)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close(self) -> None:
        self.transport.close()
