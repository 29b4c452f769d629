"""Catalogues that are remembered, so that names and axes are not decoded with every message."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from streams.records import Catalogue

V = TypeVar("V")

CACHE_BYTES = 64 * 1024 * 1024
"""Encoded bytes whose decoded form may be remembered; decoded, they take a few times that."""


class BoundedCache(Generic[V]):
    """Least-recently-used memory, bounded by the sum of the costs of what it holds; safe for threads.

    What costs more than ``max_cost`` alone is not kept. A producer that sends a new catalogue with
    every message makes it useless but never makes it grow.
    """

    def __init__(self, max_cost: int) -> None:
        """``max_cost`` is in the unit of the costs given to :meth:`put`."""
        self._max_cost = max_cost
        self._cost = 0
        self._entries: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> V | None:
        """What is held for ``key``, or None."""
        with self._lock:
            value = self._entries.get(key)
            if value is None:
                return None
            self._entries.move_to_end(key)
            return value[0]

    def put(self, key: Hashable, value: V, cost: int) -> V:
        """Hold ``value`` and return it; if another thread was first, return what that one put."""
        with self._lock:
            if key in self._entries:
                return self._entries[key][0]
            self._entries[key] = (value, cost)
            self._cost += cost
            while self._cost > self._max_cost:
                _, (_, freed) = self._entries.popitem(last=False)
                self._cost -= freed
            return value


_interned: BoundedCache[Catalogue] = BoundedCache(CACHE_BYTES)


def intern(catalogue: Catalogue, cost: int) -> Catalogue:
    """The one object that stands for all equal catalogues; ``cost`` is its size as encoded, in bytes."""
    return _interned.put(catalogue.digest, catalogue, cost)


def digest(*parts: bytes | memoryview) -> bytes:
    """SHA-256 of the parts, each preceded by its length."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)
    return hasher.digest()
