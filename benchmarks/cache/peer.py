"""libCacheSim, in a process of its own.

Its Python module breaks the exceptions of boost-histogram when both are loaded into one process (libcachesim 0.3.5:
looking through a category axis raises RuntimeError), so nobody who has other work to do loads it.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Replayed:
    """What libCacheSim says of one replay: shares of requests and bytes missed; CPU time in s, reading included."""

    request_miss_ratio: float
    byte_miss_ratio: float
    cpu_s: float


def installed() -> bool:
    """Whether there is a libCacheSim."""
    return find_spec("libcachesim") is not None


def replay(path: Path, name: str, capacity_bytes: int) -> Replayed:
    """Replay a file in oracleGeneral format through its policy ``name``."""
    command = [sys.executable, "-m", "benchmarks.cache.peer", str(path), name, str(capacity_bytes)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own module
    return Replayed(**json.loads(printed))


def main() -> None:
    """Replay as the arguments say, and print what came out as JSON."""
    import libcachesim

    path, name, capacity = sys.argv[1:]
    began = time.process_time()
    reader = libcachesim.TraceReader(path, libcachesim.TraceType.ORACLE_GENERAL_TRACE)
    requests, size = getattr(libcachesim, name)(int(capacity)).process_trace(reader)
    sys.stdout.write(json.dumps(asdict(Replayed(requests, size, time.process_time() - began))) + "\n")


if __name__ == "__main__":
    main()
