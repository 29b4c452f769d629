"""Evidence that is written when a lumisection is closed.

Counts are no longer at hand then, unless the ME was suspicious when it was scored.
"""

from dataclasses import replace

import numpy as np

from dqm.core.combination import SubsystemOpinion
from dqm.core.quality import Evidence, Reason
from dqm.core.state import SubsystemScores
from streams.arrays import Mask

_NOT_KNOWN = "unknown"


def add_frozen(part: SubsystemScores, frozen: Mask, version: str, most: int) -> SubsystemScores:
    """The part with evidence for its ``frozen`` MEs, at most ``most`` of them."""
    sentence = "The same content, bin by bin, as in lumisections before: no new data arrive."
    evidence = dict(part.evidence)
    for row in np.flatnonzero(frozen)[:most]:
        known = _known(part, int(row), version)
        evidence[known.me] = replace(known, reason=Reason.FROZEN, kind="stuck", sentence=sentence)
    return replace(part, evidence=evidence) if frozen.any() else part


def add_condemned(
    part: SubsystemScores, condemned: Mask, opinion: SubsystemOpinion, version: str, most: int
) -> SubsystemScores:
    """The part with evidence for the MEs that an ``opinion`` condemns, those that hold most first.

    All evidence of the part then says what certification found of the whole.
    """
    evidence = dict(part.evidence)
    rows = np.flatnonzero(condemned)
    for row in rows[np.argsort(-opinion.shares[rows], kind="stable")][:most]:
        known = _known(part, int(row), version)
        share = opinion.shares[row] / opinion.shares.sum()
        sentence = (
            f"All monitoring elements of the subsystem taken together are unlike good lumisections "
            f"(p = {opinion.p_value:.2g}), and {share:.0%} of what speaks against them lies here."
        )
        if known.kind in (_NOT_KNOWN, "pattern"):
            evidence[known.me] = replace(known, reason=Reason.DEVIATES, kind="pattern", sentence=sentence)
        elif known.reason == Reason.SUSPECT:
            both = f"{known.sentence} {sentence}"
            evidence[known.me] = replace(known, reason=Reason.DEVIATES, sentence=both)
    certified = {me: replace(piece, certified=opinion.certified) for me, piece in evidence.items()}
    return replace(part, evidence=certified)


def _known(part: SubsystemScores, row: int, version: str) -> Evidence:
    """The evidence that scoring wrote, or one without counts."""
    me = part.catalogue.elements[row]
    if me.name in part.evidence:
        return part.evidence[me.name]
    return Evidence(
        me=me.name,
        reason=Reason.SUSPECT,
        kind=_NOT_KNOWN,
        sentence="",
        p_value=float(part.p_values[row]),
        scores={name: float(score) for name, score in zip(part.scorers, part.scores[:, row], strict=True)},
        axes=me.axes,
        counts=(),
        reference=(),
        pulls=(),
        entries=float("nan"),
        expected_entries=None,
        model_version=version,
    )
