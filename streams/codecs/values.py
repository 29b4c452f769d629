"""Single values of messages from outside: texts, numbers, flags and times."""

import sys

from streams.errors import DecodeError

MAX_TEXT_BYTES = 512
"""Longest name, label or category in UTF-8: a database must be able to index a few of them together."""

LATEST_S = 2.0**36
"""The year 4147: any later time is not in seconds."""


def check_text(value: object, field: str, *, empty: bool = False) -> str:
    """``value`` as a string that a database and a page can hold; raise DecodeError otherwise.

    Control characters are refused because PostgreSQL cannot store NUL and a log line must stay one line.
    """
    if not isinstance(value, str):
        raise DecodeError("wrong-type", field, value, "a string is needed")
    if not value and not empty:
        raise DecodeError("empty-text", field, value)
    if not value.isprintable():
        raise DecodeError("unprintable-text", field, value)
    # Most are short: a character takes at most 4 bytes.
    if 4 * len(value) > MAX_TEXT_BYTES and (size := len(value.encode())) > MAX_TEXT_BYTES:
        hint = f"it has {size} bytes in UTF-8, at most {MAX_TEXT_BYTES} are allowed"
        raise DecodeError("text-too-long", field, f"{value[:24]}...", hint)
    return value


def printable(text: str) -> str:
    """The text with a space for each character that does not print."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def legible(text: str) -> str:
    """A title as a page can show it: :func:`printable`, and cut where it is too long.

    For labels, which say nothing about identity: they are no reason to lose the counts that they label.
    """
    return printable(text).encode()[:MAX_TEXT_BYTES].decode("utf-8", "ignore")


def check_flag(value: object, field: str) -> bool:
    """``value``, true or false; raise DecodeError otherwise."""
    if not isinstance(value, bool):
        raise DecodeError("wrong-type", field, value, "true or false is needed")
    return value


def check_whole(value: object, field: str, least: int, most: int, too_large: str = "out-of-range") -> int:
    """``value``, an integer from ``least`` to ``most``; raise DecodeError, of reason ``too_large`` above ``most``."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise DecodeError("wrong-type", field, value, "a whole number is needed")
    if value > most:
        raise DecodeError(too_large, field, value, f"at most {most} is allowed")
    if value < least:
        raise DecodeError("out-of-range", field, value, f"at least {least} is needed")
    return value


def check_number(value: object, field: str) -> float:
    """``value`` as a float, whatever its range; raise DecodeError for what is no number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DecodeError("wrong-type", field, value, "a number is needed")
    try:
        return float(value)
    except OverflowError:
        raise DecodeError("out-of-range", field, value, "a finite number is needed") from None


def check_amount(value: object, field: str, most: float = sys.float_info.max) -> float:
    """``value`` as a finite float from 0 to ``most``; raise DecodeError otherwise."""
    number = check_number(value, field)
    if not 0 <= number <= most:
        raise DecodeError("out-of-range", field, value, "a finite number, not below 0, is needed")
    return number


def check_time(value: object, field: str) -> float:
    """``value`` as seconds since 1970; raise DecodeError for what is none."""
    seconds = check_amount(value, field)
    if seconds > LATEST_S:
        raise DecodeError("not-seconds", field, value, "seconds since 1970 are needed")
    return seconds
