"""What an emulated history is made of: exit codes, names of sites and texts of messages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opint.actions.action import ActionsError
from opint.actions.simulation.causes import CAUSES


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
