"""What is not measured says so in its name."""

from collections.abc import Iterable


def by_name(name: str) -> bool:
    """Whether a dataset or an era has the word ``Simulated`` or ``Emulated``."""
    return "simulated" in name.lower() or "emulated" in name.lower()


def over_conditions(what: str, eras: Iterable[str | None]) -> str:
    """One sentence on ``what`` is made under conditions of these ``eras``, whose names say whether they are real."""
    real = not any(by_name(str(one)) for one in eras)
    return f"{what} {'real' if real else 'generated'} conditions, not measured."
