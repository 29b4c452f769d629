"""The same features by pandas in one process, as one writes them without kernels of one's own.

A long frame, sorted by dataset and week, with a row for each week from the first in which a dataset is known. Windows
are differences of running sums by dataset; what all datasets of one kind did is grouped by word and week.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from opint.popularity.features import FREQUENCY_WINDOWS, KINDS, LAGS, NEVER, PRIOR_WEEKS, SMOOTHING_RATES
from opint.popularity.features import RELATIVES_WEEKS as RELATED
from opint.popularity.features import TREND_WINDOWS as SLOPES

LIMIT = 10.0
"""A week with more accesses is popular."""


def read(path: Path) -> pd.DataFrame:
    """The table with ``week`` as number, sorted, and the parts of the names."""
    rows = pd.read_parquet(path)
    start = pd.to_datetime(rows["week"])
    rows["start"] = start
    rows["week"] = ((start - start.min()).dt.days // 7).astype(np.int32)
    rows["dataset"] = rows["dataset"].astype("category")
    rows = rows.sort_values(["dataset", "week"], ignore_index=True)
    named = pd.Series(rows["dataset"].cat.categories).str.split("/", expand=True)
    parts = {"tier": named[3], "campaign": named[2].str.partition("-")[0], "primary": named[1]}
    for kind in KINDS:
        rows[kind] = parts[kind].astype("category").cat.codes.to_numpy()[rows["dataset"].cat.codes]
    return rows


def features(rows: pd.DataFrame) -> pd.DataFrame:
    """All columns by name, a row for each of ``rows``."""
    rows = rows.assign(
        log=np.log1p(rows["naccess"]),
        popular=(rows["naccess"] > LIMIT).astype(np.float64),
        touched=(rows["naccess"] > 0).astype(np.float64),
    )
    dataset = rows["dataset"].cat.codes
    families = (_recency, _frequency, _reuse, _trend, _smoothing, _usage, _age, _season, _relatives)
    columns = [compute(rows, dataset) for compute in families]
    return pd.DataFrame({name: column.astype(np.float32) for family in columns for name, column in family.items()})


def _window(values: pd.Series, by: pd.Series, weeks: int) -> pd.Series:
    total = values.groupby(by).cumsum()
    return total - total.groupby(by).shift(weeks, fill_value=0.0)


def _since(event: pd.Series, week: pd.Series, by: pd.Series) -> pd.Series:
    return (week - week.where(event).groupby(by).ffill()).fillna(NEVER).clip(upper=NEVER)


def _recency(rows: pd.DataFrame, by: pd.Series) -> dict[str, pd.Series]:
    elapsed = {
        "weeks_since_popular": _since(rows["popular"] > 0, rows["week"], by),
        "weeks_since_access": _since(rows["touched"] > 0, rows["week"], by),
    }
    lagged = rows["log"].groupby(by)
    return elapsed | {f"log_lag_{weeks}w": lagged.shift(weeks, fill_value=0.0) for weeks in range(LAGS)}


def _frequency(rows: pd.DataFrame, by: pd.Series) -> dict[str, pd.Series]:
    return {
        f"{name}_{weeks}w": _window(rows[column], by, weeks) / weeks
        for name, column in (("log_mean", "log"), ("popular_share", "popular"), ("touched_share", "touched"))
        for weeks in FREQUENCY_WINDOWS
    }


def _reuse(rows: pd.DataFrame, by: pd.Series) -> dict[str, pd.Series]:
    week, popular = rows["week"], rows["popular"]
    count = popular.groupby(by).cumsum()
    popular_week = week.where(popular > 0)
    last, first = popular_week.groupby(by).ffill(), popular_week.groupby(by).transform("min")
    distance = ((last - first) / (count - 1)).where(count > 1, NEVER)
    ago = (week - last).fillna(NEVER)
    before = popular.groupby(by).shift()
    quiet = (before == 0).astype(np.float64)
    was = before.fillna(0.0)
    summed = {
        name: events.groupby(by).cumsum()
        for name, events in (("stayed", was * popular), ("left", was), ("returned", quiet * popular), ("quiet", quiet))
    }
    return {
        "reuse_distance_weeks": distance,
        "overdue": (ago / distance.clip(lower=1)).clip(upper=NEVER),
        "stays": (summed["stayed"] + 1) / (summed["left"] + 2),
        "returns": (summed["returned"] + 1) / (summed["quiet"] + 2),
        "popular_weeks": count,
    }


def _trend(rows: pd.DataFrame, by: pd.Series) -> dict[str, pd.Series]:
    slopes = {}
    for weeks in SLOPES:
        plain, rising = (_window(values, by, weeks) for values in (rows["log"], rows["log"] * rows["week"]))
        middle = rows["week"] - (weeks - 1) / 2
        slopes[f"log_slope_{weeks}w"] = (rising - middle * plain) / (weeks * (weeks**2 - 1) / 12)
    return slopes


def _smoothing(rows: pd.DataFrame, by: pd.Series) -> dict[str, pd.Series]:
    """A mean of pandas begins at the first value, ours at 0: the difference fades by the same factor every week."""
    age = rows.groupby(by).cumcount()
    smoothed = {}
    for name in ("log", "popular"):
        first = rows[name].groupby(by).transform("first")
        for rate in SMOOTHING_RATES:
            mean = rows[name].groupby(by).ewm(alpha=rate, adjust=False).mean().droplevel(0)
            smoothed[f"{name}_smoothed_{rate:g}"] = mean - first * (1 - rate) ** (age + 1)
    return smoothed


def _usage(rows: pd.DataFrame, by: pd.Series) -> dict[str, pd.Series]:
    return {
        f"{measure[1:]}_{weeks}w": _window(rows[measure], by, weeks) / weeks
        for measure in ("nusers", "nsites")
        for weeks in (1, 4)
    }


def _age(rows: pd.DataFrame, by: pd.Series) -> dict[str, pd.Series]:
    size = rows["size"].groupby(by).transform("max")
    return {
        "age_weeks": rows.groupby(by).cumcount(),
        "size_known": size.notna(),
        "log_size": np.log(size.fillna(1.0).clip(lower=1.0)),
    }


def _season(rows: pd.DataFrame, _: pd.Series) -> dict[str, pd.Series]:
    """By week, and from there to the rows."""
    start = rows.groupby("week")["start"].first()
    day = start.dt.dayofyear
    year_end = pd.to_datetime(start.dt.year.astype(str) + "-12-31")
    none = pd.Series(0.0, index=start.index)
    by_week = {
        "year_sin": np.sin(2 * np.pi * day / 365.25),
        "year_cos": np.cos(2 * np.pi * day / 365.25),
        "weeks_from_year_end": np.minimum((year_end - start).dt.days, day) / 7,
        "conferences_4w": none,
        "conferences_8w": none,
    }
    return {name: rows["week"].map(column) for name, column in by_week.items()}


def _relatives(rows: pd.DataFrame, by: pd.Series) -> dict[str, pd.Series]:
    unit = pd.Series(1.0, index=rows.index)
    own = {
        name: _window(values, by, RELATED)
        for name, values in (("n", unit), ("k", rows["popular"]), ("log", rows["log"]))
    }
    columns = {}
    everything = _of_group(rows.assign(all=0), "all")
    prior = everything["k"] / everything["n"].clip(lower=1)
    for kind in KINDS:
        group = _of_group(rows, kind)
        n, k = ((group[name] - own[name]).clip(lower=0) for name in ("n", "k"))
        columns[f"{kind}_popular_share"] = k / n.clip(lower=1)
        columns[f"{kind}_log_mean"] = (group["log"] - own["log"]) / n.clip(lower=1)
        columns[f"{kind}_weeks"] = np.log1p(n)
        prior = (k + PRIOR_WEEKS * prior) / (n + PRIOR_WEEKS)
    return columns | {"name_prior": prior}


def _of_group(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Sums over the last weeks of all datasets of the row's word, a row for each of ``rows``."""
    sums = rows.groupby([kind, "week"]).agg(n=("popular", "size"), k=("popular", "sum"), log=("log", "sum"))
    weeks = pd.RangeIndex(rows["week"].max() + 1, name="week")
    wide = sums.unstack("week", fill_value=0.0).reindex(columns=weeks, level="week", fill_value=0.0)
    rolled = {name: wide[name].T.rolling(RELATED, min_periods=1).sum().T.stack() for name in ("n", "k", "log")}
    index = pd.MultiIndex.from_frame(rows[[kind, "week"]])
    return pd.DataFrame(rolled).reindex(index).set_index(rows.index)
