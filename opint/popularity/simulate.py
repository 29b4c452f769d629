"""A simulated catalogue of datasets and what a collaboration reads of it, week by week.

Campaigns begin every few months and bring datasets of several primaries in each data tier; a tier can be introduced
part of the way through, after which analyses move over to it. The demand for a dataset depends on its primary, its tier
and its campaign; it is read in spells, which begin more often before conferences and more rarely with age. Everything
is invented; names, tiers and the shape of the spells (a few per cent of the datasets popular in a week, most of them
again in the next) resemble those of real catalogues.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from opint.popularity.history import History
from streams.arrays import Float64, Indices, Int32, Mask


@dataclass(frozen=True, slots=True)
class TierSpec:
    """One data tier: the percentage of its datasets that are ever popular, their median size in bytes, and its start.

    ``since`` is the share of the simulated time after which the tier exists; ``moves`` names the tier whose readers
    move over to this one.
    """

    name: str
    popular_percent: float
    median_bytes: float
    since: float = 0.0
    moves: str = ""


TIERS = (
    TierSpec("RAW", 1.0, 4e13),
    TierSpec("AOD", 14.0, 8e12),
    TierSpec("AODSIM", 8.0, 1.5e12),
    TierSpec("MINIAOD", 14.0, 1.2e12, since=0.6, moves="AOD"),
    TierSpec("MINIAODSIM", 8.0, 2e11, since=0.6, moves="AODSIM"),
    TierSpec("USER", 6.0, 2e10),
)
PRIMARIES = 60
CAMPAIGN_WEEKS = 13
"""A campaign begins every quarter of a year, and brings its datasets over the ten weeks that follow."""
ARRIVAL_WEEKS = 10
REPROCESSING_WEEKS = 26
"""Time within which campaigns older than a tier are processed into it."""
MOVING_WEEKS = 12.0
"""Time scale of the move to a new tier."""
LIFETIME_WEEKS = 40.0
"""Interest in a campaign falls to 1/e within this time."""
SPELL_CONTINUES = 0.88
"""Probability that a spell goes on for another week."""
BEFORE_CONFERENCE = 1.8
CONFERENCE_WEEKS = 8


@dataclass(frozen=True, slots=True)
class CatalogueSize:
    """The size of a simulated catalogue."""

    datasets: int
    weeks: int
    first_day: date = date(2023, 1, 2)


def simulate_catalogue(rng: np.random.Generator, size: CatalogueSize, conferences: Sequence[date] = ()) -> History:
    """A catalogue of ``size.datasets`` datasets read over ``size.weeks`` weeks."""
    traits, tier, born = _catalogue(rng, size)
    n = len(tier)
    since = np.array([round(spec.since * size.weeks) for spec in TIERS])
    made_anew = since[tier] + rng.integers(0, np.minimum(REPROCESSING_WEEKS, size.weeks - since[tier]))
    known_since = np.where(born < since[tier], made_anew, born).astype(np.int32)
    demand = _demand(rng, traits, tier)
    start = _start_rate(size, tier, known_since, demand, conferences)
    reading = _spells(rng, start)
    level = np.exp(rng.normal(3.6, 1.0, (n, 1)) + rng.normal(0.0, 0.7, (n, size.weeks)))
    naccess = np.where(reading, 11 + rng.poisson(level), rng.poisson(0.05, (n, size.weeks)))
    naccess[np.arange(size.weeks) < known_since[:, None]] = 0
    users = rng.binomial(np.minimum(naccess, 60), 0.3) + (naccess > 0)
    medians = np.array([spec.median_bytes for spec in TIERS])
    return History(
        tuple(_names(traits)),
        size.first_day,
        {
            "naccess": naccess.astype(np.float32),
            "nusers": users.astype(np.float32),
            "nsites": np.minimum(users, 1 + naccess // 20).astype(np.float32),
        },
        known_since,
        {kind: traits[kind] for kind in ("tier", "campaign", "primary")},
        medians[tier] * rng.lognormal(0.0, 1.3, n),
    )


def _catalogue(rng: np.random.Generator, size: CatalogueSize) -> tuple[dict[str, tuple[str, ...]], Indices, Int32]:
    """Traits of the names, the tier of each dataset, and the week in which its campaign produces it."""
    n = size.datasets
    campaigns = max(1, size.weeks // CAMPAIGN_WEEKS)
    campaign = rng.integers(0, campaigns, n)
    tier = rng.choice(len(TIERS), n, p=np.array([0.06, 0.12, 0.28, 0.12, 0.28, 0.14]))
    primary = rng.zipf(1.3, n) % PRIMARIES
    born = CAMPAIGN_WEEKS * campaign + rng.integers(0, ARRIVAL_WEEKS, n)
    data = np.isin([TIERS[row].name for row in tier], ("RAW", "AOD", "MINIAOD"))
    traits = {
        "tier": tuple(TIERS[row].name for row in tier),
        "campaign": tuple(
            f"Run{2023 + int(c) // 4}{'ABCD'[int(c) % 4]}" if d else f"Winter{23 + int(c) // 4}S{int(c) % 4}"
            for c, d in zip(campaign, data, strict=True)
        ),
        "primary": tuple(f"{'Stream' if d else 'Sample'}{int(p):02d}" for p, d in zip(primary, data, strict=True)),
    }
    return traits, tier.astype(np.intp), born.astype(np.int32)


def _names(traits: Mapping[str, Sequence[str]]) -> list[str]:
    """Unique names: datasets of one primary, campaign and tier differ in their versions."""
    versions: dict[str, int] = {}
    names = []
    for primary, campaign, tier in zip(traits["primary"], traits["campaign"], traits["tier"], strict=True):
        place = f"{primary}/{campaign}/{tier}"
        versions[place] = versions.get(place, 0) + 1
        names.append(f"/{primary}/{campaign}-Simulated-v{versions[place]}/{tier}")
    return names


def _demand(rng: np.random.Generator, traits: Mapping[str, Sequence[str]], tier: Indices) -> Float64:
    """The demand for each dataset (n,): a factor of its primary and one of its own; 0 for most."""
    primaries = sorted(set(traits["primary"]))
    fame = dict(zip(primaries, rng.lognormal(0.0, 0.9, len(primaries)), strict=True))
    share = (
        np.array([spec.popular_percent for spec in TIERS])[tier]
        / 100
        * np.array([fame[name] for name in traits["primary"]])
    )
    chosen = rng.random(len(tier)) < np.minimum(share, 0.95)
    demand: Float64 = chosen * rng.lognormal(0.0, 0.5, len(tier))
    return demand


def _start_rate(
    size: CatalogueSize, tier: Indices, known_since: Int32, demand: Float64, conferences: Sequence[date]
) -> Float64:
    """Probability (n, weeks) that a spell of reading begins in a week in which there is none."""
    week = np.arange(size.weeks)
    age = week - known_since[:, None]
    rate = 0.12 * demand[:, None] * np.exp(-np.maximum(age, 0) / LIFETIME_WEEKS)
    # Readers find a new dataset within its first weeks or hardly ever.
    rate *= 1 + 4 * ((age >= 0) & (age < 3))
    moved = np.ones((len(TIERS), size.weeks))
    for spec in TIERS:
        if spec.moves:
            old = next(row for row, other in enumerate(TIERS) if other.name == spec.moves)
            moved[old] = 0.25 + 0.75 * np.exp(-np.maximum(week - spec.since * size.weeks, 0) / MOVING_WEEKS)
    rate *= moved[tier]
    probability: Float64 = np.minimum(rate * _season(size, conferences), 0.9) * (age >= 0)
    return probability


def _season(size: CatalogueSize, conferences: Sequence[date]) -> Float64:
    starts = [size.first_day + timedelta(days=7 * week) for week in range(size.weeks)]
    near = [any(0 <= (conference - day).days < 7 * CONFERENCE_WEEKS for conference in conferences) for day in starts]
    quiet = [day.month == 12 and day.day > 18 for day in starts]
    return np.where(quiet, 0.4, np.where(near, BEFORE_CONFERENCE, 1.0))


def _spells(rng: np.random.Generator, start: Float64) -> Mask:
    """Weeks with reads (n, weeks): a Markov chain of two states."""
    n, weeks = start.shape
    draw = rng.random((n, weeks))
    reading = np.zeros((n, weeks), dtype=np.bool_)
    now = np.zeros(n, dtype=np.bool_)
    for week in range(weeks):
        now = draw[:, week] < np.where(now, SPELL_CONTINUES, start[:, week])
        reading[:, week] = now
    return reading
