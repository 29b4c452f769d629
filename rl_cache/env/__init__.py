"""Environments; importing this registers ``nightshift/HepCache-v0`` and ``nightshift/FileAdmission-v0``."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import gymnasium

HEP_CACHE = "nightshift/HepCache-v0"
FILE_ADMISSION = "nightshift/FileAdmission-v0"


class _NoTritonAfterTensorFlow(MetaPathFinder):
    """Keeps Triton, torch's compiler for graphics cards, out of a process that has TensorFlow.

    Each brings an LLVM of its own. Loaded second, Triton's finds the symbols of TensorFlow's and registers its
    command-line options again, and LLVM ends the process ("registered more than once"). In the other order nothing
    happens. TensorBoard loads TensorFlow. torch loads Triton as soon as it builds an optimiser, but runs without it.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - part of the interface
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Refuse Triton after TensorFlow; leave every other module to the other finders."""
        if fullname != "triton" or "tensorflow" not in sys.modules:
            return None
        sys.modules["triton"] = None  # type: ignore[assignment]  # how Python notes that a module is not there
        raise ModuleNotFoundError("triton cannot be loaded after tensorflow: both bring LLVM", name="triton")


# Whoever trains on these environments loads torch, and often TensorFlow with TensorBoard.
sys.meta_path.insert(0, _NoTritonAfterTensorFlow())

gymnasium.register(HEP_CACHE, entry_point="rl_cache.env.hep_cache:HepCache")
gymnasium.register(FILE_ADMISSION, entry_point="rl_cache.env.file_admission:FileAdmission")
