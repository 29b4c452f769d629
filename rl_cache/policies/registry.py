"""All policies by name."""

from collections.abc import Callable

from rl_cache.errors import SimulationError
from rl_cache.extensions import extensions
from rl_cache.policies.admission.random_admission import RandomAdmission
from rl_cache.policies.admission.scdl import Scdl
from rl_cache.policies.eviction.arc import Arc
from rl_cache.policies.eviction.file_size import SizeBig, SizeSmall
from rl_cache.policies.eviction.gdsf import Gdsf
from rl_cache.policies.eviction.lfu import Lfu, LfuAllTime
from rl_cache.policies.eviction.lrb import Lrb
from rl_cache.policies.eviction.lru import Fifo, Lru
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import HEURISTIC
from rl_cache.policies.eviction.sieve import Sieve
from rl_cache.policies.eviction.w_tinylfu import WTinyLfu
from rl_cache.policies.protocols import Policy
from rl_cache.policies.reference.belady import Belady, BeladySize

POLICIES: dict[str, Callable[[], Policy]] = {
    policy_class.name: policy_class
    for policy_class in (
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
        WTinyLfu,
        Lrb,
        Belady,
        BeladySize,
    )
} | {"guarded": HEURISTIC.guarded}
"""Each called without arguments has its published default parameters."""

CLAIRVOYANT = frozenset({Belady.name, BeladySize.name})
"""These know the future: references, not to be run in a real cache."""


def make_policy(name: str) -> Policy:
    """The policy of this name with its default parameters; SimulationError if there is none."""
    policies = POLICIES | extensions("nightshift.cache_policies")
    if name not in policies:
        raise SimulationError(f"there is no policy {name!r}; choose from {', '.join(sorted(policies))}")
    policy: Policy = policies[name]()
    return policy
