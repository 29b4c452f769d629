"""``nightshift`` with rates judged by fixed rules, for tests that kill processes and train no model."""

import sys
from functools import partial

from opint import stream_kinds
from opint.cli.main import app
from opint.triggers.handler import rate_handler
from opint.triggers.kind import RateKind
from tests.scripted_rates import Scripted, decode


class ScriptedRateKind(RateKind):
    def prepare(self, settings, store):
        return partial(rate_handler, settings, store, Scripted(), decode)


if __name__ == "__main__":
    stream_kinds.register(ScriptedRateKind())
    sys.exit(app())
