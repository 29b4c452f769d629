"""A trained agent as numbers: the network of the score, the knobs to start from, and the policy that turns them.

It is one ``.npz`` file, read without pickle; the policy is evaluated in NumPy, so that an agent runs without torch.
Its SHA-256 in ``NAME.npz.sha256`` is verified.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rl_cache.arrays import Float32, Float64
from rl_cache.errors import AgentError
from rl_cache.kernels.history import FEATURES
from rl_cache.kernels.network import Network
from rl_cache.policies.eviction.scored import Knobs, ScoredS3Fifo

MAX_BYTES = 16 * 1024 * 1024
_NETWORK = ("hidden", "bias", "output", "offset")
_MAX_LAYERS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Agent:
    """What training leaves.

    Attributes:
        knobs: where the policy's action of zeros is; without a policy, where the knobs stay.
        network: of the score.
        policy: matrices and offsets of the layers, tanh between them, from an observation to an action; empty
            where no policy was better than the knobs alone.
    """

    knobs: Knobs
    network: Network
    policy: tuple[tuple[Float64, Float64], ...] = ()

    def act(self, observation: Float32) -> Float32:
        """The action that the policy thinks best; zeros without a policy."""
        values = np.asarray(observation, np.float64)
        if not self.policy:
            return np.zeros(len(self.knobs.by_name()), np.float32)
        for matrix, offset in self.policy[:-1]:
            values = np.tanh(matrix @ values + offset)
        matrix, offset = self.policy[-1]
        return np.clip(matrix @ values + offset, -1.0, 1.0).astype(np.float32)

    def cache_policy(self, seed: int = 0) -> ScoredS3Fifo:
        """The cache policy with the knobs left where they start."""
        return ScoredS3Fifo(self.knobs, self.network, seed)

    def save(self, path: Path) -> None:
        """Write the file and its hash."""
        arrays: dict[str, Float64] = {"knobs": self.knobs.array(), **self.network._asdict()}
        for k, (matrix, offset) in enumerate(self.policy):
            arrays |= {f"policy_{k}_matrix": matrix, f"policy_{k}_offset": offset}
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getvalue())
        _hash_file(path).write_text(hashlib.sha256(content.getvalue()).hexdigest() + "\n")

    @classmethod
    def load(cls, path: Path) -> "Agent":
        """Read and verify; AgentError if the file cannot be used."""
        arrays = _arrays(path)
        missing = {"knobs", *_NETWORK} - arrays.keys()
        if missing:
            raise AgentError(path, f"has no array {', '.join(sorted(missing))}; train the agent again")
        units = len(arrays["bias"])
        shapes = {
            "hidden": (units, len(FEATURES)),
            "output": (units,),
            "offset": (1,),
            "knobs": (len(Knobs().array()),),
        }
        for name, shape in shapes.items():
            if arrays[name].shape != shape:
                what = f"array {name} has the shape {arrays[name].shape}, expected {shape}"
                raise AgentError(path, f"{what}: another version's; train the agent again")
        network = Network(*(np.ascontiguousarray(arrays[name]) for name in _NETWORK))
        return cls(Knobs.from_array(arrays["knobs"]), network, _layers(arrays))


def _layers(arrays: dict[str, Float64]) -> tuple[tuple[Float64, Float64], ...]:
    names = [(f"policy_{k}_matrix", f"policy_{k}_offset") for k in range(_MAX_LAYERS)]
    return tuple((arrays[m], arrays[o]) for m, o in names if m in arrays and o in arrays)


def _arrays(path: Path) -> dict[str, Float64]:
    content = _verified(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise AgentError(path, f"is not a file of an agent ({error})") from error
    for name, array in arrays.items():
        if array.dtype != np.float64 or not np.isfinite(array).all():
            raise AgentError(path, f"array {name} holds {array.dtype}, expected finite float64")
    return arrays


def _verified(path: Path) -> bytes:
    if not path.is_file():
        raise AgentError(path, "is not there; make it with `nightshift cache train`")
    if path.stat().st_size > MAX_BYTES:
        raise AgentError(path, f"has {path.stat().st_size} bytes, at most {MAX_BYTES} are read")
    content = path.read_bytes()
    hash_file = _hash_file(path)
    if not hash_file.is_file() or hash_file.read_text().strip() != hashlib.sha256(content).hexdigest():
        raise AgentError(path, f"does not fit the hash in {hash_file.name}; copy both files again, or train anew")
    return content


def _hash_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
