"""The emulated history: workflows that fail, in order of time, what the operator on shift did, and how it ended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opint.actions.action import DecidedCase
from opint.actions.simulation.causes import CAUSES, MEMORY_NEEDED, SPLITTING_NEEDED, HiddenState, Material
from opint.actions.simulation.grid import DAY, WEEK, Campaign, Grid, draw_campaigns
from opint.actions.simulation.operators import OPERATORS, Chances, decide, decision_chances, success_probability
from streams.workflows import ErrorCount, ErrorMessage, WorkflowFacts, WorkflowFailures

START = 1_700_000_000.0
"""Time of the first workflow, in seconds since 1970."""
SHIFT = 8 * 3600.0
DRIFT = 0.15
"""Standard deviation of a week's change of the log of each cause's share."""
RETURN = 0.1
"""Share of its distance from the published mean that the drift loses in a week."""
MUTE = 0.12
"""Share of workflows whose codes say nothing of the cause."""
MUTE_CODES = (-1, 99303, 99400, 99401, 99996, 99999)
BACKGROUND = 13.0
"""Mean number of entries that have nothing to do with the cause; the published matrix has about 19 in all."""
WITH_MESSAGES, SAYS_CAUSE = 0.7, 0.75
"""Share of workflows with messages, and of messages that come from the cause."""
OUTCOME_UNKNOWN = 0.1


@dataclass(frozen=True, slots=True)
class SimulatedCase:
    """A case as a learner sees it, and what is hidden; ``chances`` is what the decision was drawn from."""

    case: DecidedCase
    hidden: HiddenState
    chances: Chances


def simulate_history(
    rng: np.random.Generator, count: int, weeks: int, material: Material | None = None
) -> Iterator[SimulatedCase]:
    """So many cases, spread evenly over the weeks, in order of time."""
    world = _World(rng, weeks, material or Material())
    for time in np.sort(rng.uniform(0.0, weeks * WEEK, count)):
        yield world.case(float(time))


class _World:
    def __init__(self, rng: np.random.Generator, weeks: int, material: Material) -> None:
        self._rng, self._material = rng, material
        self._grid = Grid(material.sites, weeks * WEEK, rng)
        self._campaigns = draw_campaigns(weeks * WEEK, dict(MEMORY_NEEDED), rng)
        self._drift = self._draw_drift(weeks)
        self._shifts = rng.integers(len(OPERATORS), size=int(weeks * WEEK / SHIFT) + 1)
        ranks = rng.permutation(len(material.codes))
        self._background = _cumulative((1.0 / (1.0 + ranks)).tolist())
        self._codes = {name: self._available(cause.codes) for name, cause in CAUSES.items()}
        self._mute_codes = self._available(dict.fromkeys(MUTE_CODES, 1.0))
        self._half = weeks * WEEK / 2
        self._count = 0

    def case(self, time: float) -> SimulatedCase:
        rng = self._rng
        campaign = self._campaign(time)
        name = self._cause(time, campaign)
        sites = self._failing_sites(name, time)
        hidden = self._hidden(name, campaign, sites)
        errors = self._errors(name, sites, hidden, time)
        self._count += 1
        snapshot = WorkflowFailures(
            START + time,
            f"/emulated_{campaign.name}-{self._count:06}/{campaign.name}_0",
            errors,
            self._facts(campaign, name, errors),
            self._messages(name, errors),
        )
        operator = OPERATORS[self._shifts[int(time / SHIFT)]]
        action = decide(operator, hidden, rng)
        succeeded = bool(rng.random() < success_probability(hidden, action))
        outcome = None if rng.random() < OUTCOME_UNKNOWN else succeeded
        return SimulatedCase(DecidedCase(snapshot, action, outcome), hidden, decision_chances(operator, hidden))

    def _available(self, weights: Mapping[int, float]) -> dict[int, float]:
        """The weights of codes that the material has, or all its codes alike if it has none of them."""
        codes = self._material.codes
        return {code: weight for code, weight in weights.items() if code in codes} or dict.fromkeys(codes, 1.0)

    def _draw_drift(self, weeks: int) -> npt.NDArray[np.float64]:
        steps = self._rng.normal(0.0, DRIFT, (weeks + 1, len(CAUSES)))
        drift = np.zeros_like(steps)
        for week in range(1, len(steps)):
            drift[week] = (1 - RETURN) * drift[week - 1] + steps[week]
        return drift

    def _campaign(self, time: float) -> Campaign:
        running = [campaign for campaign in self._campaigns if campaign.start <= time < campaign.end]
        return running[int(self._rng.integers(len(running)))] if running else self._campaigns[-1]

    def _cause(self, time: float, campaign: Campaign) -> str:
        shares = np.array([cause.share for cause in CAUSES.values()]) * np.exp(self._drift[int(time / WEEK)])
        factors = {"reproducible-fault": campaign.faults, "memory": campaign.memory_problems}
        shares *= [factors.get(name, 1.0) for name in CAUSES]
        return list(CAUSES)[_draw(_cumulative(shares), self._rng)]

    def _failing_sites(self, name: str, time: float) -> list[int]:
        cause, rng = CAUSES[name], self._rng
        count = 1 + int(rng.poisson(cause.sites - 1))
        faulty = self._grid.faulty_sites(cause.fault, time) if cause.fault else []
        if not faulty:
            return self._grid.draw_sites(count)
        weights = self._grid.sizes[faulty]
        drawn = rng.choice(len(faulty), min(count, len(faulty)), replace=False, p=weights / weights.sum())
        return sorted(faulty[place] for place in drawn)

    def _hidden(self, name: str, campaign: Campaign, sites: list[int]) -> HiddenState:
        memory = splitting = "default"
        if name == "memory":
            other = list(MEMORY_NEEDED)[_draw(_cumulative(list(MEMORY_NEEDED.values())), self._rng)]
            memory = campaign.memory if self._rng.random() < 0.85 else other
        elif name == "long-jobs":
            splitting = list(SPLITTING_NEEDED)[_draw(_cumulative(list(SPLITTING_NEEDED.values())), self._rng)]
        failing = tuple(self._material.sites[site] for site in sites) if name == "site-outage" else ()
        return HiddenState(name, memory, splitting, failing)

    def _errors(self, name: str, sites: list[int], hidden: HiddenState, time: float) -> tuple[ErrorCount, ...]:
        rng, material, cause = self._rng, self._material, CAUSES[name]
        codes = self._mute_codes if rng.random() < MUTE else self._codes[name]
        if name == "site-outage" and time > self._half:
            # Draining sites are reported by other codes in the second half.
            codes = {code: weight * {71104: 0.3, 71302: 2.5}.get(code, 1.0) for code, weight in codes.items()}
        cumulative, names = _cumulative(list(codes.values())), list(codes)
        scale = cause.jobs * {"10-100x": 4.0}.get(hidden.splitting, 1.0)
        counts: dict[tuple[int, int], int] = {}
        for _ in range(1 + int(rng.poisson(0.7))):
            code = names[_draw(cumulative, rng)]
            for site in sites:
                jobs = int(np.ceil(scale * rng.lognormal(0.0, 1.2)))
                counts[code, site] = counts.get((code, site), 0) + jobs
        entries = int(rng.geometric(1.0 / (1.0 + BACKGROUND))) - 1
        for site in self._grid.draw_sites(entries):
            code = material.codes[_draw(self._background, rng)]
            counts[code, site] = counts.get((code, site), 0) + int(np.ceil(2.0 * rng.lognormal(0.0, 1.0)))
        bad = self._grid.bad_sites(time)
        rows = sorted((code, material.sites[site], jobs, site not in bad) for (code, site), jobs in counts.items())
        return tuple(ErrorCount(*row) for row in rows)

    def _facts(self, campaign: Campaign, name: str, errors: tuple[ErrorCount, ...]) -> WorkflowFacts:
        rng = self._rng
        jobs = sum(error.jobs for error in errors)
        running = float(rng.exponential(5 * DAY))
        return WorkflowFacts(
            campaign=campaign.name,
            dataset=f"/Emulated{int(rng.integers(500)):03}/{campaign.name}/AODSIM",
            priority=int(rng.choice([63_000, 80_000, 85_000, 90_000, 110_000])),
            requested_memory=campaign.requested_memory,
            attempts=int(rng.poisson(CAUSES[name].attempts)),
            running_time=running,
            lost_wall_time=float(jobs * 3600.0 * rng.lognormal(1.0, 0.6)),
            deadline=START + running + float(rng.exponential(30 * DAY)) if rng.random() < 0.3 else None,
        )

    def _messages(self, name: str, errors: tuple[ErrorCount, ...]) -> tuple[ErrorMessage, ...]:
        rng, texts = self._rng, self._material.texts
        if rng.random() >= WITH_MESSAGES:
            return ()
        messages = []
        largest = sorted(errors, key=lambda error: -error.jobs)[: 1 + int(rng.poisson(0.5))]
        for error in largest:
            says_cause = rng.random() < SAYS_CAUSE
            source = name if says_cause and texts.get(name) else list(CAUSES)[int(rng.integers(len(CAUSES)))]
            choices = texts.get(source) or CAUSES[source].texts
            text = choices[int(rng.integers(len(choices)))]
            host = f"se{int(rng.integers(90)):02}.example.org"
            filled = text.replace("{n}", str(int(rng.integers(10_000)))).replace("{host}", host)
            messages.append(ErrorMessage(filled, error.code, error.site, error.jobs))
        return tuple(messages)


def _cumulative(weights: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    summed = np.cumsum(weights)
    shares: npt.NDArray[np.float64] = summed / summed[-1]
    return shares


def _draw(cumulative: npt.NDArray[np.float64], rng: np.random.Generator) -> int:
    return min(int(np.searchsorted(cumulative, rng.random(), side="right")), len(cumulative) - 1)
