"""From a declared budget of false incidents to thresholds on p-values.

Incidents are raised for one folder of MEs when ``raise_bad`` of the last ``raise_of`` lumisections are bad. So
what must be rare is not a small p-value but the ``raise_bad``-th smallest one of a folder within such a window.
Consecutive lumisections are alike, which makes that more frequent than independence would: it is therefore
measured on the calibration set in order of time, for all folders at once. The calibration set is shorter than the
time between two allowed false incidents; its upper fifth is continued as an exponential, and the one-sided 95 %
limit of that is taken. The threshold is never above the one for independent lumisections.

The budget is shared between what may raise: folders of MEs, MEs that lack entries, and, where a bundle has them,
scorers that look at a whole subsystem. What one does not use the others do not get.

A fault of one lumisection raises nothing and is recorded. Records have a budget of their own and a threshold that one
lumisection alone must reach, found in the same way.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from conf.settings import AlertSettings, DqmSettings
from streams.arrays import Float32, Float64
from streams.records import LUMISECTION_SECONDS

PValues = Float32 | Float64

RUNS_PER_SHIFT = 8.0
"""Whole-run histograms expected in a shift of eight hours."""

LEAST_P = 1e-12
ONE_SIDED_95 = 1.645
_UPPER = 0.2
_BLOCKS = 10
_STARVED_SHARE = 0.1
_OVERFULL_SHARE = 0.05
_SIBLINGS_SHARE = 0.05
_CERTIFICATION_SHARE = 0.3
HEAD_SHARE = 0.3
"""Of the budget, what goes to a supervised head where there is one."""
_MOST = 0.05


@dataclass(frozen=True, slots=True)
class Thresholds:
    """P-values at or below which something is bad in one lumisection.

    ``folder_p`` is for a folder's content, ``starved_p`` for one ME's lack of entries, ``overfull_p`` for too many of
    them, ``siblings_p`` for either beside the entries of its siblings, ``certification_p`` for a subsystem as a whole
    and ``head_p`` for its supervised head (0 if nothing looks at it so). The allowed probability of a false incident is
    ``false_per_lumisection``, of which content has the part ``folder_share``. ``record_p``, ``record_certification_p``
    and ``record_head_p`` are what content, whole subsystems and heads must reach in one lumisection to be recorded
    without an incident.
    """

    folder_p: float
    starved_p: float
    overfull_p: float
    false_per_lumisection: float
    certification_p: float = 0.0
    record_p: float = 0.0
    record_certification_p: float = 0.0
    siblings_p: float = 0.0
    head_p: float = 0.0
    record_head_p: float = 0.0
    folder_share: float = 1.0

    @property
    def false_by_elements(self) -> float:
        """The part of ``false_per_lumisection`` that content and entries may use, and not whole subsystems."""
        whole = (_CERTIFICATION_SHARE if self.certification_p else 0.0) + (HEAD_SHARE if self.head_p else 0.0)
        return self.false_per_lumisection * (1.0 - whole)


def thresholds(
    folder_p: PValues,
    whole_runs: bool,
    elements: int,
    dqm: DqmSettings,
    alerts: AlertSettings,
    certification_p: PValues | None = None,
    *,
    siblings: bool = False,
    head_p: PValues | None = None,
) -> Thresholds:
    """Thresholds from the p-values (folders, L) of the calibration set in order of time; NaN: not inspected.

    ``whole_runs`` says that its histograms are those of whole runs, which raise at once. ``elements`` is the
    number of MEs. ``certification_p`` (folders, L) are the p-values of whole subsystems at the folders that they
    name (:func:`dqm.core.combination.folder_p`). A tenth of the budget goes to lack of entries, half a tenth to excess;
    three tenths to whole subsystems, where these are looked at; the rest to folders. The budget of records is shared
    alike. Where entries are held against those of ``siblings``, half a tenth goes to that; three tenths go to
    supervised heads where there are any, of which ``head_p`` (subsystems, L) are p-values of good ones.
    """
    units = RUNS_PER_SHIFT * dqm.shift_hours / 8.0 if whole_runs else dqm.shift_hours * 3600 / LUMISECTION_SECONDS
    allowed = min(dqm.false_incidents_per_shift / units, _MOST)
    recorded = min(dqm.false_records_per_shift / units, _MOST)
    bad, of = (1, 1) if whole_runs else (min(alerts.raise_bad, alerts.raise_of), alerts.raise_of)
    certification = 0.0 if certification_p is None else _CERTIFICATION_SHARE
    head = 0.0 if head_p is None else HEAD_SHARE
    siblings_share = _SIBLINGS_SHARE if siblings else 0.0
    content = 1.0 - _STARVED_SHARE - _OVERFULL_SHARE - certification - siblings_share - head
    folders = allowed * content

    def limit_of(p_values: PValues, bad: int, of: int, share: float) -> float:
        # Whole runs are judged by what the latest ones teach, of which a training set says nothing.
        return _independent(len(p_values), bad, of, share) if whole_runs else limit(p_values, bad, of, share)

    return Thresholds(
        limit_of(folder_p, bad, of, folders),
        allowed * _STARVED_SHARE / max(elements, 1),
        allowed * _OVERFULL_SHARE / max(elements, 1),
        allowed,
        0.0 if certification_p is None else limit(certification_p, bad, of, allowed * certification),
        limit(folder_p, 1, 1, recorded * content),
        0.0 if certification_p is None else limit(certification_p, 1, 1, recorded * certification),
        allowed * siblings_share / 2 / max(elements, 1),
        0.0 if head_p is None else limit_of(head_p, bad, of, allowed * head),
        0.0 if head_p is None else limit(head_p, 1, 1, recorded * head),
        content,
    )


def limit(folder_p: PValues, bad: int, of: int, allowed: float) -> float:
    """The p-value that ``bad`` of ``of`` lumisections in a row reach in some row with probability ``allowed``."""
    p_values = folder_p.astype(np.float64)
    return min(_independent(len(p_values), bad, of, allowed), _measured(p_values, bad, of, allowed))


def _independent(folders: int, bad: int, of: int, allowed: float) -> float:
    """The threshold at which a window of independent lumisections raises with probability ``allowed``."""
    # At least k of n are so unlikely with probability I_p(k, n - k + 1), the regularised incomplete beta function.
    return max(float(betaincinv(bad, of - bad + 1, allowed / max(folders, 1))), LEAST_P)


def _measured(folder_p: Float64, bad: int, of: int, allowed: float) -> float:
    """The threshold from windows of the calibration set; 1 if there are too few of them to say anything."""
    windows = _window_p(folder_p, bad, of)
    if len(windows) < 20:
        return 1.0
    surprise = -np.log(np.maximum(windows, LEAST_P))
    reach = _reach(surprise, allowed) + ONE_SIDED_95 * _standard_error(surprise, allowed)
    return float(np.clip(np.exp(-reach), LEAST_P, 1.0))


def _reach(surprise: Float64, allowed: float) -> float:
    """The surprise that a window exceeds with probability ``allowed``, by an exponential upper tail."""
    ordered = np.sort(surprise)
    above = min(len(ordered), max(10, int(_UPPER * len(ordered))))
    start = ordered[-above]
    mean_excess = float((ordered[-above:] - start).mean())
    return float(start + mean_excess * np.log(max(above / len(ordered) / allowed, 1.0)))


def _standard_error(surprise: Float64, allowed: float) -> float:
    """Standard error of the reach by leaving out one stretch of time after the other.

    The block jackknife (H. R. Künsch, Ann. Statist. 17 (1989) 1217): lumisections of one run are so much
    alike that counting them singly would promise far too much.
    """
    blocks = np.array_split(np.arange(len(surprise)), _BLOCKS)
    without = np.array([_reach(np.delete(surprise, block), allowed) for block in blocks])
    return float(np.sqrt((_BLOCKS - 1) / _BLOCKS * ((without - without.mean()) ** 2).sum()))


def _window_p(folder_p: Float64, bad: int, of: int) -> Float64:
    """For each window, the smallest over folders of the ``bad``-th smallest p-value within the window."""
    if folder_p.shape[1] < of or not len(folder_p):
        return np.empty(0)
    filled = np.where(np.isnan(folder_p), 1.0, folder_p)
    windows = np.lib.stride_tricks.sliding_window_view(filled, of, axis=1)
    smallest: Float64 = np.partition(windows, bad - 1, axis=-1)[..., bad - 1].min(axis=0)
    return smallest
