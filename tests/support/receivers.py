"""Real receivers on loopback: an HTTP server that answers as it is told, and a mail server."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


@dataclass
class WebReceiver:
    """Answers each request as ``answers`` say, one after the other, and 200 when they are used up.

    ``held`` is answered with 200 once ``release`` is set.
    """

    url: str = ""
    release: threading.Event = field(default_factory=threading.Event)
    answers: list[str] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next_answer(self, headers: dict[str, str], body: bytes) -> str:
        with self._lock:
            self.requests.append((headers, body))
            return self.answers.pop(0) if self.answers else "200"

    @property
    def keys(self) -> list[str]:
        """Idempotency keys in the order in which they came."""
        return [headers["idempotency-key"] for headers, _ in self.requests]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.requests]

    @property
    def incidents(self) -> list[int]:
        """Numbers of the incidents in all messages."""
        return [incident["id"] for body in self.bodies for incident in body["incidents"]]


@contextlib.contextmanager
def web_receiver(tls: ssl.SSLContext | None = None) -> Iterator[WebReceiver]:
    """A running one; with ``tls`` it speaks HTTPS."""
    receiver = WebReceiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.next_answer(headers, body)
            if answer == "held":
                receiver.release.wait(60)
            _answer(self, "200" if answer == "held" else answer)

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    server = _Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    receiver.url = f"http{'s' if tls else ''}://localhost:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients go away on purpose."""


def _answer(handler: BaseHTTPRequestHandler, answer: str) -> None:
    """A status, ``429`` with Retry-After 7, ``close``, ``garbage``, or in its own time.

    ``slow`` never answers and ``slow-200`` late, ``trickle`` a byte at a time, ``endless`` without an end.
    """
    match answer:
        case "close":
            handler.close_connection = True
        case "garbage":
            handler.wfile.write(b"\x00\xff not HTTP at all\r\n\r\n")
            handler.close_connection = True
        case "slow":
            time.sleep(1.0)
            handler.close_connection = True
        case "slow-200":
            time.sleep(1.0)
            _answer(handler, "200")
        case "trickle" | "endless":
            handler.send_response(200)
            handler.send_header("Content-Length", str(1 << 30))
            handler.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(30):
                    handler.wfile.write(b"x" * (4096 if answer == "endless" else 1))
                    handler.wfile.flush()
                    time.sleep(0.0 if answer == "endless" else 0.05)
            handler.close_connection = True
        case _:
            handler.send_response(int(answer))
            if answer == "429":
                handler.send_header("Retry-After", "7")
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"ok")


@dataclass
class MailReceiver:
    """What a mail server has got; it refuses with each of ``refusals`` first."""

    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        if self.refusals:
            return self.refusals.pop(0)
        self.mails.append(envelope.content)
        return "250 taken"


@contextlib.contextmanager
def mail_receiver(tls: ssl.SSLContext, password: str = "", port: int = 0) -> Iterator[MailReceiver]:
    """A mail server that insists on STARTTLS, and on the log-in of ``night`` if there is a ``password``."""
    receiver = MailReceiver()

    def authenticate(*arguments: Any) -> AuthResult:
        login = arguments[-1]
        return AuthResult(success=login.login == b"night" and login.password == password.encode(), handled=False)

    class _Controller(Controller):
        def factory(self) -> SMTP:
            how = {"auth_required": True, "authenticator": authenticate} if password else {}
            return SMTP(receiver, tls_context=tls, require_starttls=True, **how)

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        receiver.port = probe.getsockname()[1]
    controller = _Controller(receiver, hostname="127.0.0.1", port=receiver.port)
    controller.start()
    try:
        yield receiver
    finally:
        controller.stop()


def server_certificate(folder: Path, host: str = "localhost") -> tuple[ssl.SSLContext, Path]:
    """The TLS of a server called ``host``, and the file of the authority that vouches for it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return context, folder / "ca.pem"
