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
        "name": [rse.name for rse in rses],
        "kind": [str(rse.kind) for rse in rses],
        "capacity_tb": [rse.capacity_bytes / TB for rse in rses],
        "free_tb": [rse.free_bytes / TB for rse in rses],
        "region": [rse.region for rse in rses],
    }
    write_table(pa.table(columns), path)


def write_replicas(replicas: Replicas, path: Path) -> None:
    """Write CSV or Parquet; raises PopularityError if that cannot be done."""
    days = replicas.last_read[replicas.dataset]
    columns = {
        "dataset": [replicas.names[row] for row in replicas.dataset],
        "rse": [replicas.rses[row].name for row in replicas.rse],
        "size": replicas.size_bytes[replicas.dataset],
        "locked": ["true" if row else "false" for row in replicas.locked],
        "last_read": ["" if np.isnat(row) else str(row) for row in days],
        "rule_id": list(replicas.rule),
    }
    write_table(pa.table(columns), path)
