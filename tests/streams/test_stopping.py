"""Signals as an event, whatever the main thread is doing when one arrives."""

import os
import signal

import pytest

from streams.stopping import SIGNALS, stop_on_signal


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_sets_the_event_even_while_the_main_thread_holds_its_lock(number):
    with stop_on_signal() as stop:
        # threading.Event.wait holds this lock before it sleeps, and set() needs it.
        with stop._cond:
            os.kill(os.getpid(), number)
            for _ in range(1000):
                pass
        assert stop.wait(10)


def test_other_signals_do_not_set_it():
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        with stop_on_signal() as stop:
            os.kill(os.getpid(), signal.SIGUSR2)
            assert not stop.wait(0.1)
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_handlers_and_descriptor_of_before_are_put_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signal():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1
