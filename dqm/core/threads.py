"""One thread for BLAS.

The matrices here are small. OpenBLAS shares each of them among all cores and waits for those by spinning, which
takes many times as long as the work itself as soon as the cores have anything else to do.
"""

from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController

_controller = ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Linear algebra in one thread while the context lasts, in the whole process."""
    context: AbstractContextManager[object] = _controller.limit(limits=1, user_api="blas")
    return context
