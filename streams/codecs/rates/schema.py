"""What every decoded message of trigger rates must fulfil, whatever format it came in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.catalogue_cache import CACHE_BYTES, BoundedCache, digest
from streams.codecs.checks import check_amounts, check_text
from streams.codecs.envelope import Place
from streams.errors import DecodeError, OversizeError
from streams.records import TriggerMenu, TriggerRates


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """A menu, and which rows of a message are its seeds (r,)."""

    menu: TriggerMenu
    is_seed: npt.NDArray[np.bool_]


_menus: BoundedCache[_Known] = BoundedCache(CACHE_BYTES)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How large a message may be, and of how many seeds and paths it may hold rates."""

    max_message_bytes: int
    max_rates: int

    def check_bytes(self, size: int) -> None:
        """Raise OversizeError if ``size`` bytes are too many."""
        if size > self.max_message_bytes:
            raise OversizeError("too-large", "message", size, f"at most {self.max_message_bytes} bytes are allowed")

    def check_rates(self, count: int) -> None:
        """Raise DecodeError if there are none, OversizeError if there are too many."""
        if count < 1:
            raise DecodeError("no-rates", "rates", count)
        if count > self.max_rates:
            raise OversizeError("too-many-rates", "rates", count, f"at most {self.max_rates} are allowed")


def read_rates(
    place: Place,
    names: Sequence[object],
    seeds: Sequence[object],
    rates: npt.NDArray[np.float64],
    prescales: npt.NDArray[np.float64],
) -> TriggerRates:
    """Rates of one lumisection from columns of equal length; the ``seeds`` of L1 seeds themselves are empty.

    Seeds and paths may come in any order. Raises DecodeError naming the row and what is wrong with it.
    """
    known = _menu(names, seeds)
    check_amounts(rates, lambda row: f"{names[row]}: rate_hz")
    check_amounts(prescales, lambda row: f"{names[row]}: prescale")
    is_seed = known.is_seed
    return TriggerRates(
        place.key,
        place.dataset,
        place.conditions,
        known.menu,
        rates[is_seed],
        rates[~is_seed],
        prescales[is_seed],
        prescales[~is_seed],
    )


def columns(record: TriggerRates) -> tuple[list[str], list[str], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Names, seeds (empty for an L1 seed), rates in Hz and prescales: the seeds, then the paths."""
    menu = record.menu
    names = [*menu.l1, *menu.hlt]
    seeds = [*("" for _ in menu.l1), *(menu.l1[seed] for seed in menu.seed_of)]
    return (
        names,
        seeds,
        np.concatenate([record.l1, record.hlt]),
        np.concatenate([record.l1_prescales, record.hlt_prescales]),
    )


def _menu(names: Sequence[object], seeds: Sequence[object]) -> _Known:
    """The one object that stands for all equal menus, which are looked at once."""
    try:
        text = orjson.dumps((names, seeds))
    except orjson.JSONEncodeError as error:
        raise DecodeError("wrong-type", "names", str(error), "strings are needed") from None
    key = digest(text)
    return _menus.get(key) or _menus.put(key, _read_menu(names, seeds), len(text))


def _read_menu(given: Sequence[object], behind: Sequence[object]) -> _Known:
    names = [check_text(name, f"rate {row}: name") for row, name in enumerate(given)]
    seeds = [check_text(seed, f"{names[row]}: seed", empty=True) for row, seed in enumerate(behind)]
    l1 = tuple(name for name, seed in zip(names, seeds, strict=True) if not seed)
    place = {name: row for row, name in enumerate(l1)}
    seed_of = []
    for name, seed in zip(names, seeds, strict=True):
        if seed and seed not in place:
            raise DecodeError("unknown-seed", f"{name}: seed", seed, "its rate must be in the message, too")
        if "/" in name:
            raise DecodeError("bad-name", "name", name, "a slash would make a folder of it")
        if seed:
            seed_of.append(place[seed])
    hlt = tuple(name for name, seed in zip(names, seeds, strict=True) if seed)
    menu = TriggerMenu(l1, hlt, tuple(seed_of))
    for level in (l1, hlt):
        if len(set(level)) != len(level):
            twice = next(name for name in level if level.count(name) > 1)
            raise DecodeError("name-twice", "name", twice, "seeds and paths have names of their own")
    try:
        _ = menu.catalogue
    except ValueError as error:
        raise DecodeError("name-twice", "name", str(error)) from None
    for element in menu.names:
        check_text(element, "seed and path")
    return _Known(menu, np.array([not seed for seed in seeds]))
