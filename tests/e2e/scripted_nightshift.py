"""``nightshift`` with rates judged by fixed rules, for tests that kill processes and train no model."""

import sys

from opint.cli.main import app
from opint.daemon import run
from opint.triggers import handler
from tests.scripted_rates import Scripted, decode


def scripted(settings, store):
    def make(source, metrics):
        name = run.own_name()
        return handler.rate_handler(settings, store, Scripted(), decode, source, metrics, name)

    return make


if __name__ == "__main__":
    run._rate_handler_factory = scripted
    sys.exit(app())
