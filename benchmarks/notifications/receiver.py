"""A receiver that notes when it has answered what."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """``arrivals`` are the time of the answer (s since 1970), the idempotency key and the body of each request."""

    url: str = ""
    arrivals: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    def first_answers(self) -> dict[int, float]:
        """By incident, when the first message about it was answered; of either sender."""
        answers: dict[int, float] = {}
        for at_s, _, body in list(self.arrivals):
            for number in incidents_in(body):
                answers.setdefault(number, at_s)
        return answers


def incidents_in(body: dict[str, Any]) -> list[int]:
    """Numbers of the incidents that a webhook of nightshift, or of Alertmanager, is about."""
    if "alerts" in body:
        return [int(alert["labels"]["incident"]) for alert in body["alerts"] if alert["status"] == "firing"]
    return [incident["id"] for incident in body["incidents"] if incident["purpose"] != "end"]


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """A running receiver."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Header and body in one packet: the client would wait for the second one.
        wbufsize = -1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")
            self.wfile.flush()
            receiver.arrivals.append((time.time(), self.headers.get("idempotency-key", ""), body))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Nothing is printed."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Senders are killed on purpose."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
