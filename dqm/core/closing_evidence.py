"""Evidence that is written when a lumisection is closed.

Counts are no longer at hand then, unless the ME was suspicious when it was scored.
"""

from dataclasses import replace

import numpy as np

from dqm.core.combination import SubsystemOpinion
from dqm.core.quality import Evidence, Reason
from dqm.core.siblings import Departures
from dqm.core.state import SubsystemScores
from streams.arrays import Mask, UInt8

_NOT_KNOWN = "unknown"


def add_frozen(part: SubsystemScores, frozen: Mask, version: str, most: int) -> SubsystemScores:
    """The part with evidence for its ``frozen`` MEs, at most ``most`` of them."""
    if not frozen.any():
        return part
    sentence = "The same content, bin by bin, as in lumisections before: no new data arrive."
    evidence = dict(part.evidence)
    for row in np.flatnonzero(frozen)[:most]:
        stored = _stored_evidence(part, int(row), version)
        evidence[stored.me] = replace(stored, reason=Reason.FROZEN, kind="stuck", sentence=sentence)
    return replace(part, evidence=evidence)


_AMOUNTS = {
    Reason.STARVED: ("low-statistics", "{share:.0%} of the entries are missing"),
    Reason.OVERFULL: ("high-statistics", "{share:.0%} more entries than that came"),
}


def add_amounts(
    part: SubsystemScores, reasons: UInt8, departures: Departures, version: str, most: int
) -> SubsystemScores:
    """The part with evidence for MEs that are STARVED or OVERFULL by ``reasons`` (n,), at most ``most`` of them."""
    if not reasons.any():
        return part
    evidence = dict(part.evidence)
    p_values = np.minimum(departures.lack, departures.excess)
    rows = np.flatnonzero(reasons)
    for row in rows[np.argsort(p_values[rows], kind="stable")][:most]:
        assert part.amounts is not None  # noqa: S101 - departures are made of them
        earlier, reason = _stored_evidence(part, int(row), version), Reason(int(reasons[row]))
        entries, expected = float(part.amounts.observed[row]), float(departures.expected[row])
        kind, clause = _AMOUNTS[reason]
        sentence = (
            f"The other monitoring elements of the subsystem lead to expect {expected:,.0f} entries: "
            f"{clause.format(share=abs(1 - entries / expected))} (p = {p_values[row]:.2g})."
        )
        evidence[earlier.me] = replace(
            earlier,
            reason=reason,
            kind=kind,
            sentence=sentence,
            p_value=float(p_values[row]),
            entries=entries,
            expected_entries=expected,
        )
    return replace(part, evidence=evidence)


def add_condemned(
    part: SubsystemScores, condemned: Mask, opinion: SubsystemOpinion, version: str, most: int
) -> SubsystemScores:
    """The part with evidence for the MEs that an ``opinion`` condemns, those that hold most first.

    All evidence of the part then says what certification found of the whole.
    """
    evidence = dict(part.evidence)
    rows = np.flatnonzero(condemned)
    for row in rows[np.argsort(-opinion.shares[rows], kind="stable")][:most]:
        stored = _stored_evidence(part, int(row), version)
        share = opinion.shares[row] / opinion.shares.sum()
        sentence = (
            f"{opinion.finding} (p = {opinion.p_value:.2g}), and {share:.0%} of what speaks against "
            "the lumisection lies here."
        )
        if stored.kind in (_NOT_KNOWN, "pattern"):
            evidence[stored.me] = replace(stored, reason=Reason.DEVIATES, kind="pattern", sentence=sentence)
        elif stored.reason == Reason.SUSPECT:
            both = f"{stored.sentence} {sentence}"
            evidence[stored.me] = replace(stored, reason=Reason.DEVIATES, sentence=both)
    if opinion.certified is not None:
        evidence = {me: replace(piece, certified=opinion.certified) for me, piece in evidence.items()}
    return replace(part, evidence=evidence)


def _stored_evidence(part: SubsystemScores, row: int, version: str) -> Evidence:
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
