"""Closing a lumisection of trigger rates.

What moved was decided when it was scored; what is missing, stuck or suspect is decided here. A path of a few Hz counts
the same number twice by chance. What does not repeat by chance is a folder, a seed with all its paths, which counts ten
thousands: all its rates have the digest of the folder's content.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from conf.settings import DqmSettings
from dqm.core import closing_evidence
from dqm.core.combination import folders, of_elements
from dqm.core.digests import EMPTY, digests
from dqm.core.quality import Quality, Reason
from dqm.core.state import LumisectionState, SubsystemScores, SubsystemVerdict
from dqm.core.verdicts import QUALITY, Content, History, expected_parts, repeating
from dqm.statistics.conformal import ConformalTable
from dqm.statistics.multiple_testing import discovery_threshold
from streams.arrays import Float64, Mask, UInt8
from streams.records import Catalogue

UInt64 = npt.NDArray[np.uint64]

LEAST_COUNTS = 1000.0
"""A folder that counts less may repeat by chance and is called empty."""


def content(rates: Float64, counts: Float64, catalogue: Catalogue) -> UInt64:
    """Digest (n,) of the folder of each of ``rates`` (n,) in Hz, which are ``counts`` (n,), in catalogue order."""
    if not len(rates):
        return np.zeros(0, dtype=np.uint64)
    grouped = folders(catalogue)
    each = digests(rates.astype(np.float32)[:, None], np.zeros((len(rates), 2)), rates)
    of_folder = np.zeros(len(grouped.names), dtype=np.uint64)
    total = np.zeros(len(grouped.names))
    # The sum of digests that are as good as random is one again, in whatever order the rates stand; it wraps around.
    np.add.at(of_folder, grouped.of, each * _odd(len(each)))
    np.add.at(total, grouped.of, counts)
    of_folder[of_folder == 0] = 1
    of_folder[total < LEAST_COUNTS] = EMPTY
    return of_folder[grouped.of]


def _odd(count: int) -> UInt64:
    """Odd numbers: two rates that change places are another content."""
    return 2 * np.arange(count, dtype=np.uint64) + np.uint64(1)


@dataclass(frozen=True, slots=True, eq=False)
class RateJudge:
    """What closing needs of a bundle: what must come, and the table that makes a p-value of the whole subsystem."""

    expected: Mapping[str, Catalogue]
    whole: ConformalTable


def close(
    state: LumisectionState, history: History, judge: RateJudge, settings: DqmSettings, now_s: float, because: str
) -> LumisectionState:
    """The state with verdicts, closed at ``now_s``; closing it again is a revision."""
    unstable = settings.require_stable_beams and state.conditions.beams_stable is False
    parts = expected_parts(state, judge.expected)
    verdicts = {}
    for name, part in parts.items():
        frozen = stuck(part, history.get(name, ()), settings.frozen_after)
        reasons = part.reasons.copy()
        with np.errstate(invalid="ignore"):
            likely = part.p_values <= discovery_threshold(part.p_values, settings.false_discovery_rate)
        reasons[likely & (reasons == Reason.CONSISTENT)] = Reason.SUSPECT
        reasons[frozen] = Reason.FROZEN
        reasons[~part.present] = Reason.NO_STABLE_BEAMS if unstable else Reason.MISSING
        verdicts[name] = _verdict(part, reasons, judge.whole)
        most = settings.evidence_per_lumisection
        parts[name] = closing_evidence.add_frozen(part, frozen, state.model_version, most)
    return state.closed(parts, verdicts, now_s, because)


def stuck(part: SubsystemScores, history: Sequence[Content], frozen_after: int) -> Mask:
    """Rates whose folder has had the same content in all the lumisections before (:mod:`dqm.rates.closing`)."""
    rows: Mask = part.present & (part.digests != np.uint64(EMPTY)) & (QUALITY[part.reasons] != Quality.NOT_INSPECTED)
    return repeating(rows, part, history, frozen_after)


def _verdict(part: SubsystemScores, reasons: UInt8, whole: ConformalTable) -> SubsystemVerdict:
    qualities = QUALITY[reasons]
    p_value = float(of_elements(np.where(part.present, part.p_values, np.float32(np.nan))))
    if not np.isnan(p_value):
        surprise = np.array([-np.log(max(p_value, 1e-300))], dtype=np.float32)
        p_value = float(whole.p_values(surprise)[0])
    worst = Quality(int(qualities.max())) if len(qualities) else Quality.NOT_INSPECTED
    return SubsystemVerdict(worst, p_value, qualities, reasons)
