"""A source in a process of its own, so that fetching does not wait for scoring, nor scoring for fetching.

Python runs one thread at a time. A client library that takes a broker's answers apart in Python shares that one
thread with whatever is done with the messages, and its heartbeats wait whenever a long computation keeps it. Apart,
the two use two cores, and a partition is not lost because a model took its time. While one batch is worked on, the
next is fetched (:mod:`streams.prefetch`).

The other process ends when this one does, however that ends. If it ends by itself, ``poll`` says so once and
starts another, to which all partitions are new; positions are in the receiver's database, so nothing is lost.

Membership of a consumer group belongs to whoever judges. So both processes beat (:mod:`streams.heartbeat`), and where
one of them is stopped the other gives way: the source is closed, by which its partitions go to others at once, or its
process is replaced.
"""

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from conf.errors import NightshiftError
from streams.errors import SourceUnavailable
from streams.heartbeat import Heartbeat
from streams.prefetch import Delivery, PrefetchingSource
from streams.source import Loss, Message, Partition, Source

ANSWER_S = 60.0
"""After how long without an answer, beyond the timeout of a poll, the other process is taken to be stuck, s."""

START_S = 60.0
"""How long the other process may take to open the source, s."""

END_S = 5.0
"""How long the other process may take to give everything back, s."""

ANSWER_BYTES = 4 * 1024 * 1024
"""How much of an answer is to wait on its way."""

Opener = Callable[[], Source]
_GONE = (EOFError, OSError)
_UNANSWERED = "processed"


class SubprocessSource:
    """The source that ``opener`` makes, in a process of its own.

    ``opener`` is pickled: a function of a module, or a ``functools.partial`` of one. A NightshiftError that it raises
    comes out of the constructor. A process that gives no sign of life for ``silence_s`` seconds is taken to be stopped.
    """

    def __init__(self, opener: Opener, silence_s: float) -> None:
        """Start the process and open the source there."""
        self._opener = opener
        self._silence_s = silence_s
        self._paused = False
        self._closed = False
        self._last = Delivery()
        self._claimed: list[Partition] = []
        self._losses: list[Loss] = []
        self._reader: _ReaderProcess | None = _ReaderProcess(opener, silence_s)

    def poll(self, timeout_s: float) -> Sequence[Message]:
        """Messages as the source inside delivers them; SourceUnavailable if its process has ended."""
        if self._closed:
            return ()
        delivery: Delivery | None = self._ask("poll", timeout_s, patience_s=timeout_s + ANSWER_S)
        if delivery is None:
            self._reader = _ReaderProcess(self._opener, self._silence_s)
            if self._paused:
                self._ask("pause")
            raise SourceUnavailable("the process that reads messages has ended; another one was started")
        # Without its messages, which would be in memory while the next ones come.
        self._last = replace(delivery, messages=())
        self._claimed += delivery.claimed
        self._losses += delivery.losses
        return delivery.messages

    def claimed(self) -> Sequence[Partition]:
        """Partitions that have become ours, as polls have found since the last call."""
        claimed, self._claimed = self._claimed, []
        return claimed

    def owned(self) -> frozenset[Partition]:
        """Partitions that were ours at the last poll; none while there is no process."""
        return self._last.owned

    def start_at(self, partition: Partition, offset: int | None) -> None:
        """Deliver from ``offset`` on; does nothing for a partition that is not ours."""
        self._ask("start_at", partition, offset)

    def losses(self) -> Sequence[Loss]:
        """Losses that polls have found since the last call."""
        losses, self._losses = self._losses, []
        return losses

    def pause(self) -> None:
        """Deliver nothing until :meth:`resume`, through a new start of the process as well."""
        self._paused = True
        self._ask("pause")

    def resume(self) -> None:
        """Deliver again."""
        self._paused = False
        self._ask("resume")

    def processed(self, offsets: Mapping[Partition, int]) -> None:
        """Pass on how far we are, without waiting."""
        self._ask(_UNANSWERED, dict(offsets))

    def lag(self) -> Mapping[Partition, int]:
        """Messages published and not yet delivered; nothing while there is no process."""
        return self._ask("lag") or {}

    def exhausted(self) -> bool:
        """Whether nothing could follow the last poll."""
        return self._last.exhausted

    def close(self) -> None:
        """Close the source inside and end its process."""
        self._closed = True
        self._lose()

    def _ask(self, method: str, *arguments: object, patience_s: float = ANSWER_S) -> Any:
        """The answer, or None if there is no process to give one."""
        if self._reader is None:
            return None
        try:
            return self._reader.ask(method, arguments, patience_s)
        except _GONE:
            self._lose()
            return None

    def _lose(self) -> None:
        """End the process; nothing is ours without it."""
        self._last, self._claimed, self._losses = Delivery(), [], []
        if self._reader is not None:
            self._reader.end()
            self._reader = None


class _ReaderProcess:
    """The other process and the line to it."""

    def __init__(self, opener: Opener, silence_s: float) -> None:
        (ours, theirs), (our_beats, their_beats) = socket.socketpair(), socket.socketpair()
        # As much as the system grants: what does not fit wakes both processes many times.
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ANSWER_BYTES)
        with theirs, their_beats:
            passed = [theirs.fileno(), their_beats.fileno()]
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "streams.subprocess_source", *map(str, passed)],
                stdin=subprocess.DEVNULL,
                pass_fds=passed,
            )
        self._line, self._values = Connection(os.dup(ours.fileno())), ours
        self._beats: Heartbeat | socket.socket = our_beats
        try:
            self._line.send((opener, silence_s))
            self._receive(START_S)
            # Not before: a new process imports for a while.
            self._beats = Heartbeat(our_beats, silence_s, self._process.kill)
        except _GONE as error:
            self.end()
            raise SourceUnavailable("the process that reads messages does not start; see its message above") from error
        except NightshiftError:
            self.end()
            raise

    def ask(self, method: str, arguments: Sequence[object], patience_s: float) -> Any:
        """The answer; raises what the source raised, and EOFError or OSError if there is nobody to answer."""
        self._line.send((method, arguments))
        return None if method == _UNANSWERED else self._receive(patience_s)

    def end(self) -> None:
        """Hang up, which is the signal to give everything back; wait, and only then insist."""
        self._line.close()
        self._values.close()
        self._beats.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _receive(self, patience_s: float) -> Any:
        if not self._line.poll(patience_s):
            self._process.kill()
            raise EOFError(f"no answer within {patience_s:g} s")
        answer, sizes = self._line.recv()
        if isinstance(answer, Exception):
            raise answer
        if not sizes:
            return answer
        whole = list(answer.messages)
        for place, size in sizes.items():
            whole[place] = replace(whole[place], value=self._value(size))
        return replace(answer, messages=whole)

    def _value(self, size: int) -> bytes:
        """The next bytes on the line, received where they stay."""
        value = self._values.recv(size, socket.MSG_WAITALL)
        while len(value) < size:
            # A signal came in between, or the other process has ended.
            more = self._values.recv(size - len(value), socket.MSG_WAITALL)
            if not more:
                raise EOFError
            value += more
        return value


class _ReceiverStopped(BaseException):
    """Whoever receives the messages is stopped, and so must not keep the partitions."""


def serve(line: Connection, values: socket.socket, beats: socket.socket) -> None:
    """Open the source that comes over the line, answer for it, and close it when the line is cut or falls silent."""
    try:
        opener, silence_s = line.recv()
        try:
            source = PrefetchingSource(opener())
        except NightshiftError as error:
            line.send((error, {}))
            return
    except _GONE:
        return
    try:
        line.send((None, {}))
        with closing(Heartbeat(beats, silence_s, _interrupt)):
            _serve(line, values, source)
    except (*_GONE, _ReceiverStopped):
        return
    finally:
        source.close()


def _serve(line: Connection, values: socket.socket, source: PrefetchingSource) -> None:
    while True:
        method, arguments = line.recv()
        answer = _answer(source, method, arguments)
        if method != _UNANSWERED:
            _send(line, values, answer)
        delivered = isinstance(answer, Delivery) and bool(answer.messages)
        # Else its messages were in memory beside the next ones.
        del answer
        if delivered:
            source.prefetch()


def _interrupt() -> None:
    """Stop the main thread wherever it waits: for a question, or for its answer to be taken."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def _stop(*_: object) -> None:
    # Once is enough: what is done now must not be interrupted.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    raise _ReceiverStopped


def _answer(source: PrefetchingSource, method: str, arguments: Sequence[object]) -> object:
    try:
        return getattr(source, method)(*arguments)
    except Exception as error:
        # It belongs to whoever asked, and is raised there.
        return _portable(error)


def _send(line: Connection, values: socket.socket, answer: object) -> None:
    """Send an answer; the bytes of messages follow bare, since pickling and framing would copy them thrice more."""
    if not isinstance(answer, Delivery):
        line.send((answer, {}))
        return
    bare = {place: message.value for place, message in enumerate(answer.messages) if isinstance(message.value, bytes)}
    light = [replace(message, value=b"") if place in bare else message for place, message in enumerate(answer.messages)]
    line.send((replace(answer, messages=light), {place: len(value) for place, value in bare.items() if value}))
    for value in bare.values():
        values.sendall(value)


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same if it does not survive pickling."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own object, there and back
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def main() -> None:
    """Serve on the inherited sockets whose numbers are the arguments: that of questions and that of signs of life."""
    # Ctrl-C and a service manager reach the whole group; this process ends after the one that it serves.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, _stop)
    line, beats = map(int, sys.argv[1:])
    serve(Connection(os.dup(line)), socket.socket(fileno=line), socket.socket(fileno=beats))


if __name__ == "__main__":
    main()
