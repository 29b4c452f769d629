"""Larger reads from the broker's socket.

kafka-python 3.0 reads at most 4 KiB at a time, and gives up Python's lock for each. While other threads work, getting
the lock back takes far longer than the read, so that the I/O thread falls behind. Many KiB at once cost it as little.
"""

from kafka.errors import KafkaConnectionError
from kafka.net import manager
from kafka.net.transport import KafkaTCPTransport

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


def install() -> None:
    """Let connections that are opened from now on read so."""
    manager.KafkaTCPTransport = WideTransport
