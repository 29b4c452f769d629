"""What messages and lumisections are called: plain names, which need no array library."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """Identity of one ordered sequence of messages.

    ``topic_id`` tells a topic from others that had its name before; empty where that is not known. It is no part of
    the identity: who goes on at a stored offset compares it with what was stored.
    """

    cluster: str
    topic: str
    partition: int
    topic_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, order=True)
class LumisectionKey:
    """Run and lumisection numbers; ``ls`` 0 stands for a histogram of the whole run."""

    run: int
    ls: int
