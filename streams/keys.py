"""What messages and lumisections are called: plain names, which need no array library."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """Identity of one ordered sequence of messages."""

    cluster: str
    topic: str
    partition: int


@dataclass(frozen=True, slots=True, order=True)
class LumisectionKey:
    """Run and lumisection numbers; ``ls`` 0 stands for a histogram of the whole run."""

    run: int
    ls: int
