"""What the daemon counts, for Prometheus, and a small HTTP server for /metrics and /healthz on loopback."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from conf.dashboard import is_loopback
from conf.errors import SettingsError

BATCH_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Bounds of the histogram of seconds per batch."""

VERDICT_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bounds of the histogram of seconds from publishing to verdict."""


class Metrics:
    """The metrics of one daemon; each is an attribute, and all are in ``registry``.

    Most have the label ``stream``, the name of the kind of stream. A handler that counts more registers it there.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all metrics; ValueError if ``registry`` has them already."""
        self.registry = registry
        self.messages = Counter("nightshift_messages", "Messages handled", ["stream"], registry=registry)
        self.bytes = Counter("nightshift_message_bytes", "Bytes of the messages handled", ["stream"], registry=registry)
        self.histograms = Counter(
            "nightshift_histograms", "Histograms, rates, events or accesses processed", ["stream"], registry=registry
        )
        self.lumisections = Counter(
            "nightshift_lumisections", "Lumisections closed, by quality", ["stream", "quality"], registry=registry
        )
        self.dead_letters = Counter(
            "nightshift_dead_letters",
            "Messages that cannot be used, by reason",
            ["stream", "reason"],
            registry=registry,
        )
        self.lag = Gauge(
            "nightshift_lag_messages", "Messages published and not delivered", ["topic", "partition"], registry=registry
        )
        self.batch_seconds = Histogram(
            "nightshift_batch_seconds", "Time to handle one batch, s", ["stream"], buckets=BATCH_S, registry=registry
        )
        self.publish_to_verdict_seconds = Histogram(
            "nightshift_publish_to_verdict_seconds",
            "Time from publishing the newest part of a lumisection to its stored verdict, s",
            ["stream"],
            buckets=VERDICT_S,
            registry=registry,
        )
        self.incidents_open = Gauge("nightshift_incidents_open", "Incidents not resolved", registry=registry)
        self.last_progress = Gauge(
            "nightshift_last_progress_timestamp_seconds",
            "When a batch was last stored, s since 1970",
            ["stream"],
            registry=registry,
        )


@contextmanager
def served(
    registry: CollectorRegistry, host: str, port: int, trouble: Callable[[], str], *, or_free: bool = False
) -> Iterator[str]:
    """Serve /metrics and /healthz inside the block; gives the address (``http://127.0.0.1:9110``).

    ``port`` 0 takes a free one, and so does ``or_free`` where another process has it. ``trouble`` says in one line what
    ails the daemon, empty if nothing: /healthz answers 200 or 503 accordingly. Raises SettingsError if ``host`` is not
    a loopback address, since nobody has to sign in here, or if the port cannot be had.
    """
    if not is_loopback(host):
        raise SettingsError(f"metrics.host is {host!r}; only loopback addresses are allowed, such as 127.0.0.1")
    try:
        server = _bound(host.strip("[]"), port, _handler(registry, trouble), or_free)
    except OSError as error:
        raise SettingsError(f"metrics.port is {port}: {error.strerror}; choose a free port") from error
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """A server on an IPv4 or IPv6 address."""

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)


def _bound(host: str, port: int, handler: type[BaseHTTPRequestHandler], or_free: bool) -> _Server:
    try:
        return _Server(host, port, handler)
    except OSError as error:
        if not (or_free and error.errno == errno.EADDRINUSE):
            raise
        return _Server(host, 0, handler)


def _handler(registry: CollectorRegistry, trouble: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._send(200, CONTENT_TYPE_LATEST, generate_latest(registry))
            elif self.path == "/healthz":
                why = trouble()
                self._send(503 if why else 200, "text/plain; charset=utf-8", f"{why or 'ok'}\n".encode())
            else:
                self._send(404, "text/plain; charset=utf-8", b"see /metrics and /healthz\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Requests are not logged: Prometheus asks every few seconds."""

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Answer
