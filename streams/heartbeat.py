"""Signs of life between two processes, both ways: one that is stopped (SIGSTOP, a debugger) sends none.

A thread sends them, so that a process that works for long is not taken for one that stands still. Nobody has to answer:
what counts is the time since the last sign came.
"""

import select
import socket
import threading
import time
from collections.abc import Callable

BEATS = 8
"""How many signs are sent in the time after which their absence is noticed."""


class Heartbeat:
    """Beats over ``line`` until it is closed, and calls ``on_silence`` once if nothing comes for ``silence_s`` seconds.

    ``on_silence`` is called on the thread of the heartbeat. If the other end closes its line, its process has ended:
    that is no silence, and whoever talks to it notices.
    """

    def __init__(self, line: socket.socket, silence_s: float, on_silence: Callable[[], None]) -> None:
        """Begin."""
        self._line = line
        self._silence_s = silence_s
        self._on_silence = on_silence
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; may be called twice."""
        self._closed.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._line.close()

    def _run(self) -> None:
        self._line.setblocking(False)
        interval_s, heard_s = self._silence_s / BEATS, time.monotonic()
        while not self._closed.wait(interval_s):
            try:
                self._send()
                if self._was_heard():
                    heard_s = time.monotonic()
            except OSError:
                # The other process has ended.
                return
            # Beats that arrived while this process itself was stopped are read first: its own sleep is no silence.
            if time.monotonic() - heard_s > self._silence_s:
                self._on_silence()
                return

    def _send(self) -> None:
        try:
            self._line.send(b".")
        except BlockingIOError:
            # A process that has been stopped for hours has enough of them to read.
            return

    def _was_heard(self) -> bool:
        """Whether a beat has arrived; raises OSError if none can arrive any more."""
        ready, _, _ = select.select([self._line], [], [], 0)
        if not ready:
            return False
        if not self._line.recv(4096):
            raise ConnectionResetError
        return True
