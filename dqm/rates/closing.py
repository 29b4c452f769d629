"""Closing a lumisection of trigger rates.

What moved was decided when it was scored; what is missing, stuck or suspect is decided here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from conf.settings import DqmSettings
from dqm import testimony
from dqm.assembly import widen
from dqm.combination import of_elements
from dqm.digests import EMPTY
from dqm.quality import Quality, Reason
from dqm.scored import LumisectionState, SubsystemScores, SubsystemVerdict
from dqm.statistics.benjamini_hochberg import discovery_threshold
from dqm.statistics.conformal import ConformalTable
from dqm.verdicts import QUALITY, Content, History, nothing, repeating
from streams.records import Catalogue

Rows = npt.NDArray[np.bool_]


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
    parts = {name: widen(part, judge.expected.get(name)) for name, part in state.parts.items()}
    parts |= {name: nothing(catalogue) for name, catalogue in judge.expected.items() if name not in parts}
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
        parts[name] = testimony.of_frozen(part, frozen, state.model_version, settings.frozen_after, most)
    return replace(
        state,
        parts=parts,
        verdicts=verdicts,
        closed_s=now_s,
        closed_because=because,
        revision=state.revision + 1,
    )


def stuck(part: SubsystemScores, history: Sequence[Content], frozen_after: int) -> Rows:
    """Rates whose folder has had the same content in all the lumisections before (:mod:`dqm.rates.content`)."""
    rows: Rows = part.present & (part.digests != np.uint64(EMPTY)) & (QUALITY[part.reasons] != Quality.NOT_INSPECTED)
    return repeating(rows, part, history, frozen_after)


def _verdict(part: SubsystemScores, reasons: npt.NDArray[np.uint8], whole: ConformalTable) -> SubsystemVerdict:
    qualities = QUALITY[reasons]
    p_value = float(of_elements(np.where(part.present, part.p_values, np.float32(np.nan))))
    if not np.isnan(p_value):
        surprise = np.array([-np.log(max(p_value, 1e-300))], dtype=np.float32)
        p_value = float(whole.p_values(surprise)[0])
    worst = Quality(int(qualities.max())) if len(qualities) else Quality.NOT_INSPECTED
    return SubsystemVerdict(worst, p_value, qualities, reasons)
