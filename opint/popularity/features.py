"""Features of a dataset at the end of a week: arrays (n, T) whose column t depends on weeks up to t alone.

Column t is known when week t is over, which is when later weeks are forecast. A contract test changes the future of
every family and checks that the past stays the same. Families say how lately, how often and how regularly a dataset has
been read and by whom, its age and size, the time of the year, and what its relatives did.

Relatives have the same tier, campaign or primary dataset: all that is known of a new dataset. A dataset is left out of
the totals of its own relatives. ``name_prior`` is the share of popular weeks that the name suggests: the primary
dataset counts as far as it has a history, then the campaign, then the tier, then all datasets (each wider group weighs
as much as four dataset weeks of the narrower one: shrinkage, W. James and C. Stein, 1961). Totals add: the totals of
two disjoint sets of datasets are those of both together, so that a cluster counts in parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.signal import lfilter

from opint.popularity.history import History, Label, codes
from streams.arrays import Float32, Float64, Mask

NEVER = 104.0
"""Weeks that stand for "not in this table": two years."""
LAGS = 4
FREQUENCY_WINDOWS = (2, 4, 8, 13, 26, 52)
"""Weeks; the longest two are half a year and a year."""
TREND_WINDOWS = (4, 12)
SMOOTHING_RATES = (0.1, 0.3, 0.6)
"""Weight of the newest week."""


def sums(values: Float32, weeks: int) -> Float32:
    """Sum (n, T) over the last ``weeks`` columns, each column included; columns before the first count as 0."""
    total = np.cumsum(values, axis=1, dtype=np.float64)
    total[:, weeks:] -= total[:, :-weeks].copy()
    return total.astype(np.float32)


def lagged(values: Float32, weeks: int) -> Float32:
    """The values ``weeks`` columns earlier (n, T); 0 before the first column."""
    shifted = np.zeros_like(values)
    shifted[:, weeks:] = values[:, : max(0, values.shape[1] - weeks)]
    return shifted


def since(events: Mask, never: float) -> Float32:
    """Weeks (n, T) since the last event, 0 in a column with an event; ``never`` before the first event."""
    columns = np.arange(events.shape[1], dtype=np.float32)
    last = np.maximum.accumulate(np.where(events, columns, np.float32(-1)), axis=1)
    elapsed: Float32 = np.where(last < 0, np.float32(never), columns - last).astype(np.float32)
    return elapsed


def recency(history: History, label: Label) -> dict[str, Float32]:
    """Weeks since the last popular week and since the last access, and ln(1 + accesses) of the last four weeks."""
    naccess = history.measures["naccess"]
    log = np.log1p(naccess)
    return {
        "weeks_since_popular": np.minimum(
            since(label.holds(history.measures[label.measure]), NEVER), np.float32(NEVER)
        ),
        "weeks_since_access": np.minimum(since(naccess > 0, NEVER), np.float32(NEVER)),
    } | {f"log_lag_{weeks}w": lagged(log, weeks) for weeks in range(LAGS)}


def frequency(history: History, label: Label) -> dict[str, Float32]:
    """Mean of ln(1 + accesses), share of popular weeks and share of weeks with any access, by window.

    Weeks before the first week of the table count as weeks without access.
    """
    log = np.log1p(history.measures["naccess"])
    popular = label.holds(history.measures[label.measure]).astype(np.float32)
    touched = (history.measures["naccess"] > 0).astype(np.float32)
    columns: dict[str, Float32] = {}
    for name, values in (("log_mean", log), ("popular_share", popular), ("touched_share", touched)):
        columns |= {f"{name}_{weeks}w": sums(values, weeks) / np.float32(weeks) for weeks in FREQUENCY_WINDOWS}
    return columns


def reuse(history: History, label: Label) -> dict[str, Float32]:
    """Mean distance between popular weeks so far, and the time since the last one in units of it.

    ``stays`` is the share of popular weeks followed by a popular week, ``returns`` the share of quiet weeks followed by
    a popular week, each with one success and one failure added (Laplace's rule).
    """
    popular = label.holds(history.measures[label.measure])
    count = np.cumsum(popular, axis=1, dtype=np.float32)
    columns = np.arange(popular.shape[1], dtype=np.float32)
    first = np.maximum.accumulate(np.where(popular & (count == 1), columns, np.float32(-1)), axis=1)
    ago = since(popular, NEVER)
    last = columns - ago
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(count > 1, (last - first) / (count - 1), np.float32(NEVER)).astype(np.float32)
    before = np.zeros_like(popular)
    before[:, 1:] = popular[:, :-1]
    known_before = np.zeros_like(popular)
    known_before[:, 1:] = history.exists[:, :-1]
    stayed, were_popular = _running_count(before & popular), _running_count(before)
    returned, quiet = _running_count(known_before & ~before & popular), _running_count(known_before & ~before)
    return {
        "reuse_distance_weeks": distance,
        "overdue": np.minimum(ago / np.maximum(distance, 1), np.float32(NEVER)),
        "stays": (stayed + 1) / (were_popular + 2),
        "returns": (returned + 1) / (quiet + 2),
        "popular_weeks": count,
    }


def _running_count(events: Mask) -> Float32:
    return np.cumsum(events, axis=1, dtype=np.float32)


def trend(history: History, _: Label) -> dict[str, Float32]:
    """Least-squares slope of ln(1 + accesses) per week over each window; weeks before the table count as 0."""
    log = np.log1p(history.measures["naccess"])
    return {f"log_slope_{weeks}w": _slope(log, weeks) for weeks in TREND_WINDOWS}


def _slope(values: Float32, weeks: int) -> Float32:
    """Weights of the slope rise by one a week about their mean, so that two running sums suffice."""
    columns = np.arange(values.shape[1], dtype=np.float32)
    plain, rising = sums(values, weeks).astype(np.float64), sums(values * columns, weeks).astype(np.float64)
    spread = weeks * (weeks**2 - 1) / 12
    middle = columns - (weeks - 1) / 2
    return ((rising - middle * plain) / spread).astype(np.float32)


def smoothing(history: History, label: Label) -> dict[str, Float32]:
    """Smoothed ln(1 + accesses) and smoothed popularity, by rate; both begin at 0."""
    log = np.log1p(history.measures["naccess"])
    popular = label.holds(history.measures[label.measure]).astype(np.float32)
    return {
        f"{name}_smoothed_{rate:g}": lfilter([rate], [1.0, rate - 1.0], values, axis=1).astype(np.float32)
        for name, values in (("log", log), ("popular", popular))
        for rate in SMOOTHING_RATES
    }


USAGE_WINDOWS = (1, 4)
NEAR_WEEKS = (4, 8)
_YEAR_DAYS = 365.25


def usage(history: History, _: Label) -> dict[str, Float32]:
    """Mean number of users and of sites a week over each window; no feature for a measure that is missing."""
    return {
        f"{measure[1:]}_{weeks}w": sums(history.measures[measure], weeks) / np.float32(weeks)
        for measure in ("nusers", "nsites")
        if measure in history.measures
        for weeks in USAGE_WINDOWS
    }


def age(history: History, _: Label) -> dict[str, Float32]:
    """Weeks since the dataset is known (-1 before), whether its size is known, and ln(bytes), 0 if unknown."""
    n, weeks = history.shape
    weeks_known = np.arange(weeks, dtype=np.float32) - history.known_since[:, None].astype(np.float32)
    sized = np.isfinite(history.size_bytes)
    log = np.log(np.maximum(np.where(sized, history.size_bytes, 1.0), 1.0)).astype(np.float32)
    return {
        "age_weeks": np.maximum(weeks_known, np.float32(-1)),
        "size_known": np.broadcast_to(sized.astype(np.float32)[:, None], (n, weeks)),
        "log_size": np.broadcast_to(log[:, None], (n, weeks)),
    }


def seasonality(history: History, _: Label, conferences: Sequence[date] = ()) -> dict[str, Float32]:
    """Phase of the year, weeks to the nearest end of a year, and conferences that begin within 4 and 8 weeks."""
    n, weeks = history.shape
    starts = [history.weeks.start(week) for week in range(weeks)]
    phase = np.array([2 * np.pi * day.timetuple().tm_yday / _YEAR_DAYS for day in starts])
    year_end = np.array([min(abs((date(day.year, 12, 31) - day).days), day.timetuple().tm_yday) / 7 for day in starts])
    conference_days = np.sort(np.array([day.toordinal() for day in conferences], dtype=np.int64))
    today = np.array([day.toordinal() for day in starts], dtype=np.int64)
    rows = {
        "year_sin": np.sin(phase),
        "year_cos": np.cos(phase),
        "weeks_from_year_end": year_end,
    } | {
        f"conferences_{near}w": np.searchsorted(conference_days, today + 7 * near)
        - np.searchsorted(conference_days, today)
        for near in NEAR_WEEKS
    }
    return {name: np.broadcast_to(row.astype(np.float32), (n, weeks)) for name, row in rows.items()}


KINDS = ("tier", "campaign", "primary")
"""From the widest to the narrowest; a wider kind helps where a narrower one has little history."""
RELATIVES_WEEKS = 4
"""Window of the features of relatives."""
PRIOR_WEEKS = 4.0
"""Weight of the wider group, in dataset weeks."""


@dataclass(frozen=True, eq=False)
class Totals:
    """Sums (words, T) over the datasets whose name has one of ``words``.

    ``existing`` counts datasets that are known, ``popular`` those popular in the week, ``log`` sums ln(1 + accesses).
    """

    words: tuple[str, ...]
    existing: Float64
    popular: Float64
    log: Float64

    def __add__(self, other: "Totals") -> "Totals":
        """The totals of the datasets of both."""
        words = tuple(sorted({*self.words, *other.words}))
        place = {word: row for row, word in enumerate(words)}
        sums = np.zeros((3, len(words), self.existing.shape[1]))
        for part in (self, other):
            sums[:, [place[word] for word in part.words]] += (part.existing, part.popular, part.log)
        return Totals(words, *sums)

    def of(self, words: tuple[str, ...]) -> tuple[Float32, Float32, Float32]:
        """``existing``, ``popular`` and ``log`` (n, T) for each of ``words`` (n); 0 for an unknown word."""
        place = {word: row for row, word in enumerate(self.words)}
        rows = np.array([place.get(word, len(self.words)) for word in words], dtype=np.intp)
        padded = (np.vstack([sums, np.zeros((1, sums.shape[1]))]) for sums in (self.existing, self.popular, self.log))
        existing, popular, log = (sums[rows].astype(np.float32) for sums in padded)
        return existing, popular, log


def totals(history: History, label: Label, kinds: Sequence[str] = KINDS) -> Mapping[str, Totals]:
    """By kind of trait, for those of ``kinds`` that the history has."""
    popular = label.holds(history.measures[label.measure]) & history.exists
    log = np.where(history.exists, np.log1p(history.measures["naccess"]), 0)
    totals_by_kind = {}
    for kind in kinds:
        if kind in history.traits:
            places, words = codes(history.traits[kind])
            order = np.argsort(places, kind="stable")
            starts = np.searchsorted(places[order], np.arange(len(words)))
            parts = (values[order].astype(np.float64) for values in (history.exists, popular, log))
            totals_by_kind[kind] = Totals(words, *(np.add.reduceat(values, starts, axis=0) for values in parts))
    return totals_by_kind


def relatives(history: History, label: Label, totals: Mapping[str, Totals]) -> dict[str, Float32]:
    """Shares of popular weeks and mean ln(1 + accesses) of the relatives by kind, and ``name_prior``."""
    popular = (label.holds(history.measures[label.measure]) & history.exists).astype(np.float32)
    log = np.where(history.exists, np.log1p(history.measures["naccess"]), np.float32(0))
    exists = history.exists.astype(np.float32)
    columns: dict[str, Float32] = {}
    prior: Float32 = _overall_share(totals, history.shape[1])
    for kind in KINDS:
        if kind not in totals:
            continue
        all_existing, all_popular, all_log = totals[kind].of(history.traits[kind])
        n = np.maximum(sums(all_existing - exists, RELATIVES_WEEKS), np.float32(0))
        k = np.maximum(sums(all_popular - popular, RELATIVES_WEEKS), np.float32(0))
        columns[f"{kind}_popular_share"] = _ratio(k, n)
        columns[f"{kind}_log_mean"] = _ratio(sums(all_log - log, RELATIVES_WEEKS), n)
        columns[f"{kind}_weeks"] = np.log1p(n)
        prior = ((k + PRIOR_WEEKS * prior) / (n + PRIOR_WEEKS)).astype(np.float32, copy=False)
    if columns:
        columns["name_prior"] = np.broadcast_to(prior, history.shape).astype(np.float32)
    return columns


def _overall_share(totals: Mapping[str, Totals], weeks: int) -> Float32:
    """Share (1, T) of popular weeks of all datasets: the sums over the words of any kind are sums over all datasets."""
    if not totals:
        return np.zeros((1, weeks), dtype=np.float32)
    any_kind = next(iter(totals.values()))
    n = sums(any_kind.existing.sum(axis=0, keepdims=True).astype(np.float32), RELATIVES_WEEKS)
    k = sums(any_kind.popular.sum(axis=0, keepdims=True).astype(np.float32), RELATIVES_WEEKS)
    return _ratio(k, n)


def _ratio(part: Float32, whole: Float32) -> Float32:
    """The ratio, 0 where the whole is 0."""
    ratio: Float32 = np.divide(part, np.maximum(whole, np.float32(1)), dtype=np.float32)
    return ratio


OWN_FAMILIES = (recency, frequency, reuse, trend, smoothing, usage, age)
"""Families that use the dataset's own history alone."""


def features(
    history: History, label: Label, totals: Mapping[str, Totals], conferences: Sequence[date] = ()
) -> dict[str, Float32]:
    """All features (n, T) by name; ``totals`` cover all datasets, ``history`` may be a part of them."""
    columns: dict[str, Float32] = {}
    for family in OWN_FAMILIES:
        columns |= family(history, label)
    return columns | seasonality(history, label, conferences) | relatives(history, label, totals)
