"""Everything here needs numba, which comes with the extra ``rl`` and with ``dev``."""

import pytest

pytest.importorskip("numba")
