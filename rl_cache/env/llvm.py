"""Keep Triton, torch's compiler for graphics cards, out of a process that has TensorFlow.

Each brings an LLVM of its own. Triton's finds the symbols of TensorFlow's where these are there already and registers
its command-line options a second time, and LLVM ends the process ("registered more than once"). In the other order
nothing happens. TensorFlow comes unasked, with TensorBoard, and Triton as soon as torch builds an optimiser. torch does
without Triton.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoTritonAfterTensorFlow(MetaPathFinder):
    """Asked before all others where a module is."""

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


sys.meta_path.insert(0, _NoTritonAfterTensorFlow())
