"""``nightshift`` with rates judged by fixed rules, for tests that kill processes and train no model."""

import sys

from opint import rate_watch, running
from opint.cli.main import app
from tests.scripted_rates import Scripted, decode


def scripted(settings, store):
    def make(source, metrics):
        name = running.own_name()
        return rate_watch.rate_daemon(settings, store, Scripted(), decode, source, metrics, name)

    return make


if __name__ == "__main__":
    running._rates = scripted
    sys.exit(app())
