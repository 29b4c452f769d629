"""Bytes, bandwidths and savings as people write them."""

import re
from enum import StrEnum

from rl_cache.errors import SimulationError

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_FACTORS = {**_UNITS, "K": 10**3, **_BINARY}
_DAY_S = 86_400


def parse_bytes(text: str) -> int:
    """Bytes of ``100TiB``, ``2.5 TB`` or ``4096``; SimulationError for anything else."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*([kKMGTP]?i?)B?\s*", text)
    if not match or match[2] not in _FACTORS or match[1].count(".") > 1 or match[1] == ".":
        raise SimulationError(f"{text!r} is no number of bytes; write 100TiB, 2.5TB or 4096")
    return int(float(match[1]) * _FACTORS[match[2]])


def parse_size(text: str, footprint_bytes: int) -> int:
    """The size of a cache: bytes as above, or ``10%`` of the trace's files together."""
    if not text.strip().endswith("%"):
        return parse_bytes(text)
    try:
        share = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 < share <= 100:
        raise SimulationError(f"{text!r} is no share of the trace's files; write 10%")
    return max(1, int(share * footprint_bytes))


def parse_daily_bandwidth(text: str) -> int:
    """Bytes a day of ``10Gbit/s`` or ``500MB/s``."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kMGT]?)(bit|B)/s\s*", text)
    if not match or float(match[1]) <= 0:
        raise SimulationError(f"{text!r} is no bandwidth; write 10Gbit/s or 500MB/s")
    return int(float(match[1]) * _UNITS[match[2]] * _DAY_S / (8 if match[3] == "bit" else 1))


def format_bytes(number: float) -> str:
    """Three digits and a binary unit: ``1.25 TiB``, ``-3 GiB``."""
    if number < 0:
        return f"-{format_bytes(-number)}"
    for name, factor in reversed(_BINARY.items()):
        if number >= factor:
            return f"{number / factor:.3g} {name}B" if number < 1000 * factor else f"{number / factor:.0f} {name}B"
    return f"{number:.0f} B"


class SavingUnit(StrEnum):
    """What a rule for a cache saves: bytes read from afar, or hours that readers wait."""

    BYTES = "B"
    HOURS = "h"

    def format_amount(self, amount: float) -> str:
        """The amount with its unit, for people."""
        return format_bytes(amount) if self is SavingUnit.BYTES else f"{amount:.3g} h"
