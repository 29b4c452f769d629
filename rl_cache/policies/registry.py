"""All policies by name."""

from collections.abc import Callable

from rl_cache.errors import SimulationError
from rl_cache.policies.arc import Arc
from rl_cache.policies.belady import Belady
from rl_cache.policies.belady_size import BeladySize
from rl_cache.policies.fifo import Fifo
from rl_cache.policies.gdsf import Gdsf
from rl_cache.policies.lfu import Lfu
from rl_cache.policies.lfu_all_time import LfuAllTime
from rl_cache.policies.lrb import Lrb
from rl_cache.policies.lru import Lru
from rl_cache.policies.random_admission import RandomAdmission
from rl_cache.policies.s3fifo import S3Fifo
from rl_cache.policies.scdl import Scdl
from rl_cache.policies.sibling_prefetch import SiblingPrefetch
from rl_cache.policies.sieve import Sieve
from rl_cache.policies.size_big import SizeBig
from rl_cache.policies.size_small import SizeSmall
from rl_cache.policies.w_tinylfu import WTinyLfu
from rl_cache.simulator import Policy

POLICIES: dict[str, Callable[[], Policy]] = {
    made.name: made
    for made in (
        Lru,
        Fifo,
        Lfu,
        LfuAllTime,
        SizeBig,
        SizeSmall,
        RandomAdmission,
        Gdsf,
        Arc,
        S3Fifo,
        Scdl,
        Sieve,
        SiblingPrefetch,
        WTinyLfu,
        Lrb,
        Belady,
        BeladySize,
    )
}
"""Each called without arguments has its published default parameters."""

CLAIRVOYANT = frozenset({Belady.name, BeladySize.name})
"""These know the future: references, not to be run in a real cache."""


def policy(name: str) -> Policy:
    """The policy of this name with its default parameters; SimulationError if there is none."""
    if name not in POLICIES:
        raise SimulationError(f"there is no policy {name!r}; choose from {', '.join(sorted(POLICIES))}")
    return POLICIES[name]()
