"""What consumers, producers and administration share: options, opening, larger reads, and words for failures.

kafka-python 3.0 reads at most 4 KiB at a time from the broker's socket, and gives up Python's lock for each. While
other threads work, getting the lock back takes far longer than the read, so that the I/O thread falls behind. Many KiB
at once cost it as little.
"""

import logging
import socket
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar

from kafka.errors import KafkaConnectionError, KafkaError
from kafka.net import manager
from kafka.net.compat import KafkaNetClient
from kafka.net.transport import KafkaTCPTransport

from conf.stream import KafkaSettings
from streams.errors import SourceUnavailable
from streams.kafka import batches

READ_BYTES = 256 * 1024
"""About what a loopback socket holds: more would only be allocated."""


class WideTransport(KafkaTCPTransport):  # type: ignore[misc]
    """A plain connection that takes all that has come with few calls."""

    def _sock_recv(self) -> tuple[bytes, KafkaConnectionError | None]:
        parts: list[bytes] = []
        try:
            while not parts or len(parts[-1]) == READ_BYTES:
                parts.append(self._sock.recv(READ_BYTES))
        except (BlockingIOError, InterruptedError):
            return b"".join(parts), None
        except OSError as error:
            return b"", KafkaConnectionError(error)
        return b"".join(parts), None if parts[-1] else KafkaConnectionError("socket disconnected")


def install_wide_transport() -> None:
    """Let connections that are opened from now on read so."""
    manager.KafkaTCPTransport = WideTransport


CONNECT_S = 10.0
"""How long one attempt to connect may take, s."""

METADATA_S = 30.0
"""How long what the brokers say of topics is believed, s: later a new topic is noticed, or one that was made anew."""

Client = TypeVar("Client")

_log = logging.getLogger(__name__)


def options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments that every kafka-python client takes."""
    chosen: dict[str, Any] = {
        "bootstrap_servers": servers(settings),
        "client_id": "nightshift",
        "security_protocol": settings.security_protocol,
        "bootstrap_timeout_ms": int(CONNECT_S * 1000),
        "reconnect_backoff_max_ms": 2000,
        "metadata_max_age_ms": int(METADATA_S * 1000),
    }
    if settings.embedded:
        # The mock cluster answers the question for its version with requests that it does not serve.
        chosen["api_version"] = (2, 3)
    if settings.ca_file is not None:
        chosen["ssl_cafile"] = str(settings.ca_file)
    if settings.security_protocol.startswith("SASL"):
        chosen["sasl_mechanism"] = settings.sasl_mechanism
        chosen["sasl_plain_username"] = settings.username
        chosen["sasl_plain_password"] = settings.password.get_secret_value()
    return chosen


def servers(settings: KafkaSettings) -> list[str]:
    """The addresses of ``bootstrap_servers``, which are separated by commas."""
    return [server.strip() for server in settings.bootstrap_servers.split(",") if server.strip()]


def opened(settings: KafkaSettings, build: Callable[..., Client], **more: Any) -> Client:
    """A client built and connected, or SourceUnavailable; may take :data:`CONNECT_S`."""
    _quiet_library()
    install_wide_transport()
    batches.install()
    if not anybody_listens(settings):
        raise unavailable(settings, "nothing listens there")
    networks: list[KafkaNetClient] = []

    def network(**chosen: Any) -> KafkaNetClient:
        networks.append(KafkaNetClient(**chosen))
        return networks[-1]

    try:
        return build(**(options(settings) | more), kafka_client=network)
    except (KafkaError, OSError, ValueError) as error:
        # A constructor that fails leaves its I/O thread and its sockets behind.
        for each in networks:
            each.close()
        raise unavailable(settings, error) from error


def anybody_listens(settings: KafkaSettings) -> bool:
    """Whether any of the addresses takes a connection; may take a second for each."""
    return any(_listens(server) for server in servers(settings))


def _listens(server: str) -> bool:
    host, _, port = server.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except (OSError, ValueError):
        return False
    return True


def unavailable(settings: KafkaSettings, error: BaseException | str) -> SourceUnavailable:
    """One line for a user: what, where, why, and what to do."""
    why = str(error) or type(error).__name__
    return SourceUnavailable(
        f"Kafka at {settings.bootstrap_servers} cannot be used ({why}); "
        "see that it runs and that stream.kafka.bootstrap_servers and its security settings are right"
    )


def slow_checksums() -> str:
    """What to tell the user if checksums are computed in Python; empty if the C package is there."""
    if find_spec("crc32c") is not None:
        return ""
    return "the package crc32c is missing: reading from Kafka is about 25 times slower; install crc32c"


def _quiet_library() -> None:
    # kafka-python logs stack traces for an outage that is told here in one line. Whoever sets a level for
    # the logger "kafka" keeps it.
    library = logging.getLogger("kafka")
    if library.level == logging.NOTSET:
        library.setLevel(logging.CRITICAL)
    if warning := slow_checksums():
        _log.warning(warning)
