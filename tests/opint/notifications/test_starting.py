"""A dispatcher beside other work: it stops with it, and takes it along when it cannot go on."""

import threading

import pytest

from conf.errors import SettingsError
from opint.notifications.dispatcher import check_families, dispatching
from opint.store.errors import StoreError
from tests.opint.notifications.conftest import settings_of


class Running:
    def __init__(self, error=None):
        self.error, self.ended = error, False

    def run(self, stop):
        if self.error is not None:
            raise self.error
        stop.wait(10)
        self.ended = True


def test_it_ends_with_the_block():
    running = Running()
    with dispatching(running, threading.Event().set):
        assert not running.ended
    assert running.ended


def test_its_error_ends_the_others_and_is_raised():
    stop = threading.Event()
    with pytest.raises(StoreError, match="damaged"), dispatching(Running(StoreError("damaged")), stop.set):
        assert stop.wait(10)


def test_a_pattern_that_fits_no_family_is_refused_with_its_place():
    settings = settings_of("http://x", route={"match": {"family": "contnet"}})
    with pytest.raises(
        SettingsError, match=r"notifications\.routes\[1\]\.match\.family is 'contnet', which fits no family"
    ):
        check_families(settings)
