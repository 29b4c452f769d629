"""Keep everything: delete nothing, and put what is on no disk there while there is room; new datasets first."""

import numpy as np

from opint.placement.budget import room
from opint.placement.decision import Decision
from opint.placement.policies.situation import Situation


def decide(situation: Situation) -> Decision:
    """Copies to the disks with most room."""
    replicas = situation.replicas
    free = np.where(replicas.is_disk, room(replicas, situation.budget) - replicas.used_bytes, 0.0)
    network = situation.budget.network_bytes
    missing = np.flatnonzero(
        situation.history.exists[:, situation.week] & replicas.archived & (replicas.disk_copies == 0)
    )
    made = []
    for dataset in missing[np.argsort(-situation.history.known_since[missing], kind="stable")]:
        size, target = replicas.size_bytes[dataset], int(np.argmax(free))
        if size <= min(free[target], network):
            free[target] -= size
            network -= size
            made.append((dataset, target))
    copies = np.array(made, dtype=np.intp).reshape(-1, 2)
    return Decision(np.zeros(len(replicas.dataset), dtype=np.bool_), copies[:, 0], copies[:, 1])
