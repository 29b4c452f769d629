"""Sites and replicas as tables that :mod:`opint.placement.sites` and :mod:`opint.placement.replica_files` read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from opint.placement.replicas import Replicas
from opint.placement.sites import TB, Rse
from opint.popularity.written import write_table


def write_sites(rses: Sequence[Rse], path: Path) -> None:
    """Write CSV or Parquet; raises PopularityError if that cannot be done."""
    columns = {
        "name": [one.name for one in rses],
        "kind": [str(one.kind) for one in rses],
        "capacity_tb": [one.capacity_bytes / TB for one in rses],
        "free_tb": [one.free_bytes / TB for one in rses],
        "region": [one.region for one in rses],
    }
    write_table(pa.table(columns), path)


def write_replicas(replicas: Replicas, path: Path) -> None:
    """Write CSV or Parquet; raises PopularityError if that cannot be done."""
    days = replicas.last_read[replicas.dataset]
    columns = {
        "dataset": [replicas.names[one] for one in replicas.dataset],
        "rse": [replicas.rses[one].name for one in replicas.rse],
        "size": replicas.size_bytes[replicas.dataset],
        "locked": ["true" if one else "false" for one in replicas.locked],
        "last_read": ["" if np.isnat(one) else str(one) for one in days],
        "rule_id": list(replicas.rule),
    }
    write_table(pa.table(columns), path)
