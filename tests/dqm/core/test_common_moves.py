"""Nearly all folders of a whole run deviate, or some of them do."""

import numpy as np
import pytest

from dqm.core.combination import moved_together
from dqm.core.quality import Reason
from streams.records import Axis, Catalogue, MonitoringElement

FOLDERS, EACH = 10, 2
CATALOGUE = Catalogue.of(
    [MonitoringElement(f"Muon/Sector{f}/me{m}", (Axis(4, 0.0, 4.0),)) for f in range(FOLDERS) for m in range(EACH)]
)


def reasons(deviating, others_reason=Reason.CONSISTENT, unjudged=0):
    """The first element of some folders deviates; of the last ``unjudged`` folders nothing was tested."""
    settled = np.full(FOLDERS * EACH, others_reason, dtype=np.uint8)
    settled[: deviating * EACH : EACH] = Reason.DEVIATES
    settled[(FOLDERS - unjudged) * EACH :] = Reason.LOW_STATISTICS
    return settled


@pytest.mark.parametrize(("deviating", "unjudged"), [(10, 0), (8, 0), (4, 5), (3, 7)])
def test_where_nearly_all_judged_folders_deviate_they_moved_together(deviating, unjudged):
    before = reasons(deviating, unjudged=unjudged)
    after = moved_together(CATALOGUE, before)
    np.testing.assert_array_equal(after == Reason.MOVED_TOGETHER, before == Reason.DEVIATES)
    np.testing.assert_array_equal(after[after != Reason.MOVED_TOGETHER], before[before != Reason.DEVIATES])


@pytest.mark.parametrize(("deviating", "unjudged"), [(0, 0), (1, 0), (7, 0), (2, 8), (0, 10)])
def test_single_folders_keep_their_own_reason(deviating, unjudged):
    before = reasons(deviating, Reason.SUSPECT, unjudged)
    np.testing.assert_array_equal(moved_together(CATALOGUE, before), before)
