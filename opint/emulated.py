"""What is not measured says so in its name."""


def by_name(name: str) -> bool:
    """Whether a dataset or an era has the word ``Simulated`` or ``Emulated``."""
    return "simulated" in name.lower() or "emulated" in name.lower()
