"""Closing a lumisection of rates that are judged one by one: verdicts, bands and what is said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from conf.settings import DqmSettings
from dqm.core import closing_evidence
from dqm.core.combination import of_elements
from dqm.core.digests import EMPTY
from dqm.core.quality import Evidence, Quality, Reason
from dqm.core.state import Bands, EarlierRates, LumisectionState, SubsystemScores, SubsystemVerdict
from dqm.core.verdicts import QUALITY, Content, History, expected_parts, repeating
from dqm.rates.evidence import in_hertz, of_rate
from dqm.rates.levels.judgement import Before, RateJudgement, Tracks, judgement
from dqm.rates.levels.level import SUMS
from dqm.rates.levels.model import LevelLimits, LevelModel, p_of_sums
from dqm.rates.levels.readings import column_of
from dqm.rates.result import SUBSYSTEM
from dqm.statistics.multiple_testing import discovery_threshold
from dqm.statistics.variance_stabilised import reached, two_sided
from streams.arrays import Float64, Indices, Mask, UInt8
from streams.records import LUMISECTION_SECONDS

EDGE = 2.576
"""Standard deviations of a normal distribution that hold 99 %."""
KINDS = {Reason.PATH_MOVED: "path", Reason.SEVERAL_MOVED: "several-rates", Reason.SUSPECT: "unknown"}
MOVED = (Reason.PATH_MOVED, Reason.SEVERAL_MOVED)
TOGETHER = 3
"""Rates that began to lie off within so many lumisections of each other moved together."""
MOST_OTHERS = 3
"""Rates that are named in the evidence of one that moved together with them."""


def close(
    state: LumisectionState,
    history: History,
    model: LevelModel,
    limits: LevelLimits,
    before: Before,
    tracks: Tracks,
    settings: DqmSettings,
    now_s: float,
    because: str,
) -> LumisectionState:
    """The state with verdicts, closed at ``now_s``; closing it again is a revision."""
    parts = expected_parts(state, {SUBSYSTEM: model.menu.catalogue})
    verdicts = {}
    for name, part in parts.items():
        contents = history.get(name, ())
        if name == SUBSYSTEM and part.bands is not None:
            parts[name], verdicts[name] = _judged(state, part, contents, model, limits, before, tracks, settings)
        else:
            reasons = np.full(len(part.present), Reason.NO_MODEL, dtype=np.uint8)
            verdicts[name] = SubsystemVerdict(Quality.NOT_INSPECTED, float("nan"), QUALITY[reasons], reasons)
    return state.closed(parts, verdicts, now_s, because)


def _judged(
    state: LumisectionState,
    part: SubsystemScores,
    contents: Sequence[Content],
    model: LevelModel,
    limits: LevelLimits,
    before: Before,
    tracks: Tracks,
    settings: DqmSettings,
) -> tuple[SubsystemScores, SubsystemVerdict]:
    assert part.bands is not None  # noqa: S101 - asked by the caller
    earlier = [content.rates for content in contents if content.rates is not None]
    of_run = [rates for rates in earlier if rates.key.run == state.key.run]
    current = EarlierRates(state.key, state.conditions, part.catalogue.names, part.bands)
    judged = judgement(model, before, of_run, current, tracks)
    rows = np.array([part.catalogue.index[name] for name in model.menu.names], dtype=np.intp)
    candidates = part.present[rows] & (part.reasons[rows] == Reason.CONSISTENT)
    inspected = candidates & judged.has_level & ~np.isnan(judged.pulls[:, 0])
    p_sums = np.where(inspected, p_of_sums(judged.pulls), np.nan)
    p_alone = np.where(inspected, two_sided(judged.pulls[:, 0]), np.nan)
    with np.errstate(invalid="ignore"):
        certain = p_alone <= limits.record
        moved = (p_sums <= limits.moved) | (p_of_sums(judged.large) <= limits.large) | certain
        suspect = p_sums <= discovery_threshold(p_sums.astype(np.float32), settings.false_discovery_rate)
    of_model = part.reasons[rows].copy()
    of_model[candidates & ~inspected] = Reason.NO_MODEL
    of_model[inspected & suspect] = Reason.SUSPECT
    if not judged.steady:
        # In bands this wide nothing is called good.
        of_model[candidates] = Reason.CONDITIONS_MOVED
    of_model[inspected & moved] = Reason.PATH_MOVED
    of_model[_together(inspected & moved, inspected & (judged.off > 0), judged.off)] = Reason.SEVERAL_MOVED
    unstable = settings.require_stable_beams and state.conditions.beams_stable is False
    absent = np.where(judged.published_before, Reason.MISSING, Reason.NOT_IN_MENU)
    of_model = np.where(part.present[rows], of_model, Reason.NO_STABLE_BEAMS if unstable else absent)
    reasons = part.reasons.copy()
    reasons[rows] = of_model
    frozen = _frozen(part, contents, settings, reasons)
    reasons[frozen] = Reason.FROZEN
    closed = _with_results(part, rows, judged, np.fmin(p_sums, p_alone), inspected)
    closed = replace(closed, evidence=_evidence(state, closed, rows, judged, of_model, settings))
    closed = closing_evidence.add_frozen(closed, frozen, state.model_version, settings.evidence_per_lumisection)
    groups = {part.catalogue.elements[row].group for row in rows[certain & np.isin(reasons[rows], MOVED)]}
    p_value = float(of_elements(np.where(closed.present, closed.p_values, np.float32(np.nan))))
    qualities = QUALITY[reasons]
    worst = Quality(int(qualities.max())) if len(qualities) else Quality.NOT_INSPECTED
    return closed, SubsystemVerdict(worst, p_value, qualities, reasons, frozenset(groups))


def _together(moved: Mask, away: Mask, off: Indices) -> Mask:
    """Which of the rates that ``moved`` (n,) began to do so with another that did, or that still is ``away`` (n,).

    ``off`` (n,) as in :class:`RateJudgement`.
    """
    began_with = (moved | away) & moved[:, None] & (np.abs(off - off[:, None]) <= TOGETHER)
    together: Mask = began_with.sum(axis=1) > 1
    return together


def _frozen(part: SubsystemScores, contents: Sequence[Content], settings: DqmSettings, reasons: UInt8) -> Mask:
    rows: Mask = part.present & (part.digests != np.uint64(EMPTY)) & (QUALITY[reasons] != Quality.NOT_INSPECTED)
    latest = list(contents)[-(settings.frozen_after - 1) :]
    return repeating(rows, part, latest, settings.frozen_after)


def _with_results(
    part: SubsystemScores, rows: Indices, judged: RateJudgement, p_values: Float64, inspected: Mask
) -> SubsystemScores:
    """The part with p-values, scores and the bands about the followed level."""
    assert part.bands is not None  # noqa: S101 - asked by the caller
    wide_p = np.full(len(part.present), np.nan, dtype=np.float32)
    wide_p[rows] = p_values
    largest = np.where(np.isnan(judged.pulls), 0.0, np.abs(judged.pulls)).max(axis=1)
    scores = np.full((1, len(part.present)), np.nan, dtype=np.float32)
    scores[0, rows] = np.where(inspected, largest, np.nan)
    bands = part.bands.as_array().copy()
    low, high = (reached(judged.expected, judged.spread, np.full(len(rows), side * EDGE)) for side in (-1.0, 1.0))
    for place, counts in ((1, judged.expected), (2, low), (3, high)):
        bands[place, rows] = np.where(inspected, counts / LUMISECTION_SECONDS, np.nan)
    return replace(part, p_values=wide_p, scores=scores, bands=Bands.from_array(bands))


def _evidence(
    state: LumisectionState,
    part: SubsystemScores,
    rows: Indices,
    judged: RateJudgement,
    reasons: UInt8,
    settings: DqmSettings,
) -> Mapping[str, Evidence]:
    """Evidence on what moved and what is suspect, the least likely first, up to the settings' limit."""
    unlikely = np.flatnonzero(np.isin(reasons, (*MOVED, Reason.SUSPECT)))
    ordered = unlikely[np.argsort(part.p_values[rows[unlikely]], kind="stable")]
    names, together = part.catalogue.names, [row for row in ordered if reasons[row] == Reason.SEVERAL_MOVED]
    pieces = {}
    for at in ordered[: settings.evidence_per_lumisection].tolist():
        reason = Reason(int(reasons[at]))
        companions = [names[rows[row]].rpartition("/")[2] for row in together if row != at]
        with_it = companions[:MOST_OTHERS] if reason is Reason.SEVERAL_MOVED else []
        pieces[names[rows[at]]] = evidence(state, part, int(rows[at]), reason, judged.pulls[at], with_it)
    return pieces


def evidence(
    state: LumisectionState, part: SubsystemScores, row: int, reason: Reason, pulls: Float64, companions: Sequence[str]
) -> Evidence:
    """Evidence on ``row`` of the part's catalogue, whose sums of pulls are ``pulls`` (sums,).

    ``companions`` are the paths that moved together with it.
    """
    assert part.bands is not None  # noqa: S101 - rates have them
    finite_pulls = np.where(np.isnan(pulls), 0.0, pulls)
    at = int(np.argmax(np.abs(finite_pulls)))
    count, far = SUMS[at], float(finite_pulls[at])
    column = column_of(state.conditions)
    where = f"at pileup {state.conditions.pileup or 0.0:.1f}" + (f" in prescale column {column}" if column else "")
    over = "in this lumisection alone" if count == 1 else f"over the last {count} lumisections together"
    side = "above" if far > 0 else "below"
    unsure = "" if reason in MOVED else ", unlikely, but not enough to be called wrong"
    together = f"; {', '.join(companions)} moved in the same lumisections" if companions else ""
    sentence = (
        f"{in_hertz(part.bands, row)} {where}; "
        f"{over} {abs(far):.1f} standard deviations {side} its own level{unsure}{together}."
    )
    return of_rate(
        part.bands,
        row,
        me=part.catalogue.names[row],
        reason=reason,
        kind=KINDS[reason],
        sentence=sentence,
        p_value=float(part.p_values[row]),
        scores={name: float(score) for name, score in zip(part.scorers, part.scores[:, row], strict=True)},
        model_version=state.model_version,
    )
