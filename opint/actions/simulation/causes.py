"""Why emulated workflows fail, what of it is seen, and what that is made of: codes, names of sites, texts of messages.

Shares are chosen so that the actions have the published marginals (indico 587955/2937424); codes are those of CMS jobs
by their public meaning (twiki JobExitCodes). Nothing here was changed after a model had been trained on it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opint.actions.action import ActionsError


@dataclass(frozen=True, slots=True)
class FailureCause:
    """A cause of failures.

    ``share`` of the workflows fail by it. ``codes`` has relative frequencies of its exit codes, ``texts`` are messages.
    Its errors are at ``sites`` sites on average, which have the ``fault`` (``outage``, ``storage``) at that time where
    there is such a site; ``jobs`` is the median number of jobs in an entry, ``attempts`` the mean number of earlier
    recoveries. ``confused_with`` are causes that an operator takes it for.
    """

    share: float
    codes: Mapping[int, float]
    texts: tuple[str, ...]
    sites: float
    jobs: float
    attempts: float
    confused_with: tuple[str, ...]
    fault: str = ""


CAUSES: Mapping[str, FailureCause] = {
    "transient": FailureCause(
        0.45,
        {99303: 3, 99400: 2, 137: 1, 1: 1, 11003: 1, 50115: 1, 99996: 1, -1: 1, 92: 1, 8028: 1, 60307: 1, 143: 1},
        ("Job was removed by the batch system after {n} s", "Lost contact with the worker node {host}"),
        5.0,
        3.0,
        0.3,
        ("site-outage", "storage", "sporadic-crash"),
    ),
    "site-outage": FailureCause(
        0.15,
        {71104: 3, 71102: 2, 71302: 1.5, 71303: 1.5, 99401: 1, 11003: 1, 1: 1, 60307: 1, 73: 0.5},
        ("Job killed since its site {host} is draining", "CVMFS is not mounted on {host}"),
        1.5,
        20.0,
        0.5,
        ("transient", "storage"),
        "outage",
    ),
    "storage": FailureCause(
        0.13,
        {8028: 3, 8021: 3, 8020: 1.5, 85: 2, 92: 2, 84: 1, 60307: 1, 8022: 0.5},
        ("Failed to open the file root://{host}//store/data/{n}.root: permission denied", "Server {host} timed out"),
        1.5,
        15.0,
        0.6,
        ("site-outage", "bad-replica", "transient"),
        "storage",
    ),
    "memory": FailureCause(
        0.08,
        {50660: 4, 137: 1, 50661: 0.5, 8004: 0.5, 99400: 0.5, 134: 0.2},
        ("Job exceeded its memory: {n} MB used", "std::bad_alloc in event {n}"),
        7.0,
        12.0,
        0.9,
        ("transient", "sporadic-crash"),
    ),
    "long-jobs": FailureCause(
        0.017,
        {50664: 4, 71304: 1, 99400: 0.5, 71305: 0.3},
        ("Job exceeded its wall time of {n} s", "Killed after {n} s at event {n}"),
        7.0,
        10.0,
        0.9,
        ("transient", "memory"),
    ),
    "bad-replica": FailureCause(
        0.023,
        {8021: 3, 8022: 1, 8028: 1, 92: 0.5, 8016: 0.5},
        ("Checksum of /store/data/{n}.root is not that of the catalogue", "Basket {n} cannot be read"),
        1.5,
        4.0,
        0.8,
        ("storage", "lost-file"),
    ),
    "lost-file": FailureCause(
        0.02,
        {8016: 2, 8021: 2, 8023: 1, 8027: 1, 8006: 0.7, 8022: 0.7},
        ("All replicas of /store/data/{n}.root are corrupt", "No such file: /store/data/{n}.root"),
        4.0,
        4.0,
        1.3,
        ("bad-replica", "reproducible-fault"),
    ),
    "sporadic-crash": FailureCause(
        0.03,
        {139: 3, 134: 1, 8001: 1, 50115: 1, 135: 0.3},
        ("Segmentation fault in module {n}", "Fatal signal after event {n}"),
        3.0,
        2.0,
        0.3,
        ("reproducible-fault", "transient"),
    ),
    "reproducible-fault": FailureCause(
        0.10,
        {8001: 3, 139: 2, 8002: 1, 134: 1, 8006: 0.5, 8009: 0.5, 8026: 0.5, 7002: 0.3, 132: 0.2},
        ("Exception of category Configuration in module {n}", "Product of type {n} was not there"),
        9.0,
        25.0,
        1.2,
        ("sporadic-crash", "transient", "lost-file"),
    ),
}

MEMORY_NEEDED: Mapping[str, float] = {"2-9k": 2.0, "10-16k": 1.2, "18-20k": 4.0}
"""Relative frequency of the memory that jobs turn out to need, where it is too little, as published."""
SPLITTING_NEEDED: Mapping[str, float] = {"2-3x": 0.4, "10-100x": 1.0}
"""Relative frequency of the splitting that jobs turn out to need, where they are too long, as published."""


@dataclass(frozen=True, slots=True)
class HiddenState:
    """What is true of a failing workflow and not shown; ``memory`` and ``splitting`` are what its jobs need."""

    cause: str
    memory: str = "default"
    splitting: str = "default"
    failing_sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class Material:
    """What the emulation is made of: exit ``codes``, names of ``sites``, and ``texts`` of messages by cause.

    Codes without a cause are background. In a text ``{n}`` stands for a number and ``{host}`` for a host.
    """

    codes: tuple[int, ...] = tuple(sorted({code for cause in CAUSES.values() for code in cause.codes}))
    sites: tuple[str, ...] = tuple(
        f"T{tier}_XX_Site{number:02}" for tier, count in ((1, 8), (2, 52), (3, 40)) for number in range(count)
    )
    texts: Mapping[str, Sequence[str]] = field(default_factory=lambda: {name: c.texts for name, c in CAUSES.items()})


def read_material(path: Path) -> Material:
    """Codes ``all_errors`` and sites ``all_sites`` of a JSON file; raises ActionsError where these are not there."""
    try:
        fields = json.loads(path.read_bytes())
        codes, sites = fields["all_errors"], fields["all_sites"]
    except OSError as error:
        raise ActionsError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ActionsError(f"{path}: lists all_errors and all_sites are needed ({error})") from error
    whole = all(isinstance(code, int) for code in codes) and all(isinstance(site, str) and site for site in sites)
    if not (codes and sites and whole):
        raise ActionsError(f"{path}: all_errors is to be a list of numbers, and all_sites of names")
    return Material(tuple(codes), tuple(dict.fromkeys(site.strip() for site in sites)))
