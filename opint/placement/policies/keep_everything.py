"""Keep everything: delete nothing, and put what is on no disk there while there is room; new datasets first."""

import numpy as np

from opint.placement.budget import room
from opint.placement.decision import Decision
from opint.placement.policies.situation import Situation


def decide(policy_input: Situation) -> Decision:
    """Copies to the disks with most room."""
    replicas = policy_input.replicas
    free = np.where(replicas.is_disk, room(replicas, policy_input.budget) - replicas.used_bytes, 0.0)
    network = policy_input.budget.network_bytes
    missing = np.flatnonzero(
        policy_input.history.exists[:, policy_input.week] & replicas.archived & (replicas.disk_copies == 0)
    )
    made = []
    for dataset in missing[np.argsort(-policy_input.history.known_since[missing], kind="stable")]:
        size, target = replicas.size_bytes[dataset], int(np.argmax(free))
        if size <= min(free[target], network):
            free[target] -= size
            network -= size
            made.append((dataset, target))
    copies = np.array(made, dtype=np.intp).reshape(-1, 2)
    return Decision(np.zeros(len(replicas.dataset), dtype=np.bool_), copies[:, 0], copies[:, 1])
