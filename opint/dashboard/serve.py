"""Run the dashboard until a signal stops it.

Clients may be slow, broken or hostile, and uvicorn times only connections that are idle between two requests. So a
protocol of our own closes a connection whose request is not whole after RECEIVE_S.
"""

import asyncio
import contextlib
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from conf.dashboard import DashboardSettings
from conf.errors import SettingsError
from conf.settings import Settings
from opint.dashboard.app import create_app
from opint.dashboard.sse import Hub
from opint.store.engine import Store

GRACE_S = 2
"""How long requests that are under way may take after the end was asked for."""

STOP_LOOK_S = 0.2


def serve(
    settings: Settings,
    store: Store,
    clock: Callable[[], float],
    on_address: Callable[[str], None],
    stop: threading.Event | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or ``stop``; returns within 3 s of it, open event streams included.

    ``on_address`` gets ``http://HOST:PORT`` once requests are answered; with ``dashboard.port`` 0 the
    system chooses the port. Signals are handled in the main thread only. Raises SettingsError if the
    address is taken or the certificate cannot be used.
    """
    page = settings.dashboard
    listener = bind(page.host, page.port)
    try:
        app = create_app(settings, store, clock)
        config = uvicorn.Config(
            app,
            http=TimedHttp,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
            ws="none",
            # create_app decides whose forwarding headers are believed.
            proxy_headers=False,
            ssl_certfile=page.tls_certificate,
            ssl_keyfile=page.tls_key,
        )
        if page.tls_certificate is not None:
            _load_certificate(config, page)
        where = page.public_url or address(listener, tls=page.tls_certificate is not None)
        server = _Server(config, app.state.hub, stop or threading.Event(), lambda: on_address(where))
        server.run(sockets=[listener])
    finally:
        listener.close()


def bind(host: str, port: int) -> socket.socket:
    """A bound socket; raises SettingsError where that is impossible."""
    literal = "127.0.0.1" if host.lower() == "localhost" else host.strip("[]")
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(literal).version == 6 else socket.AF_INET
    except ValueError:
        raise SettingsError(f"dashboard.host is {host!r}: it must be localhost or an IP address") from None
    # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((literal, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"dashboard.port is {port}: {host}:{port} cannot be used ({error.strerror}); choose another, or 0 for any"
        ) from error
    return listener


def address(listener: socket.socket, *, tls: bool = False) -> str:
    """The URL of a bound socket."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _load_certificate(config: uvicorn.Config, page: DashboardSettings) -> None:
    try:
        config.load()
    except OSError as error:
        raise SettingsError(
            f"dashboard.tls_certificate {page.tls_certificate} and tls_key {page.tls_key} cannot be used: {error}"
        ) from error


class _Server(uvicorn.Server):
    """uvicorn that ends event streams first, stops on an event too, and swallows the signal that ended it."""

    def __init__(self, config: uvicorn.Config, hub: Hub, stop: threading.Event, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._hub, self._stop, self._tell = hub, stop, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._watch = asyncio.create_task(self._watch_stop())
        self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Otherwise uvicorn would wait for streams that never end by themselves.
        self._hub.close()
        self._watch.cancel()
        await super().shutdown(sockets=sockets)

    async def _watch_stop(self) -> None:
        while not self._stop.is_set():
            await asyncio.sleep(STOP_LOOK_S)
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but without raising the signal again: an end that was asked for is not a failure."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._request_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _request_exit(self, _signal: int, _frame: FrameType | None) -> None:
        self.should_exit = True


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
