"""What was measured with one seed, kept so that a long run that was ended can go on where it was.

Only if ``NIGHTSHIFT_BENCH_KEEP`` names a folder, for the commit that measured it, and if no file differs from that.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import commit

Figures = dict[str, float]


def checkpointed(name: str, seed: int, measured: Callable[[], Figures]) -> Figures:
    """The figures of the table ``name`` with one ``seed``: those kept of this commit, or ``measured`` ones."""
    folder, measures = os.environ.get("NIGHTSHIFT_BENCH_KEEP"), commit()
    if not folder or measures.endswith("-dirty"):
        return measured()
    path = Path(folder) / f"{name}-{seed}-{measures}.json"
    if not path.exists():
        text = json.dumps(measured())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    result: Figures = json.loads(path.read_text())
    return result
