"""The connection that takes much at a time."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net import manager
from kafka.net.transport import KafkaTCPTransport

from streams.kafka import client as receiving
from streams.kafka.client import READ_BYTES, WideTransport


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a TCP connection; the first does not block."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        theirs, _ = server.accept()
        ours.setblocking(False)
        with theirs:
            yield ours, theirs


def everything(transport: WideTransport, size: int) -> bytes:
    """Read until ``size`` bytes have come."""
    got = b""
    while len(got) < size:
        data, error = transport._sock_recv()
        assert error is None
        got += data
    return got


def test_what_is_sent_arrives_whatever_its_size(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    sent = bytes(range(256)) * (5 * READ_BYTES // 256) + b"and a rest"
    sender = threading.Thread(target=theirs.sendall, args=(sent,))
    sender.start()
    assert everything(WideTransport(None, ours), len(sent)) == sent
    sender.join()


def test_nothing_there_is_no_error(ends: tuple[socket.socket, socket.socket]) -> None:
    assert WideTransport(None, ends[0])._sock_recv() == (b"", None)


def test_a_closed_connection_is_an_error_even_after_data(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(b"last words")
    theirs.close()
    transport = WideTransport(None, ours)
    assert everything(transport, 10) == b"last words"
    data, error = transport._sock_recv()
    assert data == b""
    assert isinstance(error, KafkaConnectionError)


def test_a_reset_connection_is_an_error(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    _, error = WideTransport(None, ours)._sock_recv()
    assert isinstance(error, KafkaConnectionError)


def test_it_replaces_the_transport_that_the_library_uses() -> None:
    receiving.install_wide_transport()
    assert manager.KafkaTCPTransport is WideTransport
    assert issubclass(WideTransport, KafkaTCPTransport)
