"""Trials of suggestions, stored so that they can be resumed: one row a cache."""

import zlib
from dataclasses import asdict
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, select

from opint.store import caches
from opint.store.sql import replacing
from opint.store.tables import cache_trial
from rl_cache.policies.admission.ruled import TargetType
from rl_cache.trials.shadow import CachedFiles, Proposal, RuleKind, Trials

_FAST = 1
"""zlib's quickest level: content is written every half minute, and names compress well anyhow."""


def save(tx: Connection, cache: str, trials: Trials, now_s: float) -> None:
    """Store the trials in place of those before, and what LRU's cache counted day by day."""
    caches.save_days(tx, cache, trials)
    row = {
        "cache": cache,
        "capacity_bytes": trials.capacity_bytes,
        "through_s": trials.through_s,
        "content": zlib.compress(orjson.dumps(_content(trials), option=orjson.OPT_SERIALIZE_NUMPY), _FAST),
        "updated_s": now_s,
    }
    tx.execute(replacing(tx, cache_trial), row)


def load(tx: Connection, cache: str) -> Trials | None:
    """The trials of a cache, held against others until the transaction ends; None if nothing is tried on it."""
    row = tx.execute(select(cache_trial).where(cache_trial.c.cache == cache).with_for_update()).one_or_none()
    if row is None:
        return None
    content = orjson.loads(zlib.decompress(row.content))
    files, n_caches = content["files"], len(content["cached"])
    return Trials(
        row.capacity_bytes,
        tuple(
            Proposal(
                **(proposal | {"kind": RuleKind(proposal["kind"]), "target_type": TargetType(proposal["target_type"])})
            )
            for proposal in content["proposals"]
        ),
        CachedFiles(tuple(files["name"]), _whole(files["size"]), tuple(files["directory"]), tuple(files["dataset"])),
        tuple(_whole(cache) for cache in content["cached"]),
        _whole(content["day"]),
        _whole(content["requests"]),
        _whole(content["read"]),
        _whole(content["misses"]).reshape(n_caches, -1),
        _whole(content["missed"]).reshape(n_caches, -1),
        _whole(content["written"]).reshape(n_caches, -1),
        row.through_s,
    )


def _content(trials: Trials) -> dict[str, Any]:
    files = trials.files
    return {
        "proposals": [asdict(proposal) for proposal in trials.proposals],
        "files": {"name": files.name, "size": files.size, "directory": files.directory, "dataset": files.dataset},
        "cached": trials.cached,
        "day": trials.day,
        "requests": trials.requests,
        "read": trials.read_bytes,
        "misses": trials.misses,
        "missed": trials.missed_bytes,
        "written": trials.written_bytes,
    }


def _whole(numbers: list[Any]) -> np.typing.NDArray[np.int64]:
    return np.array(numbers, np.int64)
