"""Poison: what fails whenever it is processed is put aside, and what came with it is processed.

That is a message, which becomes a dead letter, or a lumisection, which is closed without verdicts. A batch that fails
is cut in halves until what fails is isolated. A fault that will pass, or that a person has to mend, lies in no message
and is raised as it is.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from opint.store.errors import StoreError, StoreRefusedError
from streams.errors import DecodeError, FencedError, Unavailable

MAX_FAULTS_IN_A_ROW = 16
"""With so many messages in a row that fail by a fault of ours, the fault lies not in them: it is raised, and the others
stay where they are."""

Item = TypeVar("Item")
Result = TypeVar("Result")

log = structlog.get_logger()


class PoisonIsolation:
    """Isolates the poison messages of one stream; counts the faults in a row from batch to batch."""

    def __init__(self) -> None:
        """Nothing has failed yet."""
        self._faults_in_a_row = 0

    def process(
        self,
        batch: Sequence[Item],
        process: Callable[[Sequence[Item]], Result],
        refuse: Callable[[Item, DecodeError], Result],
    ) -> list[Result]:
        """Results of ``process`` for the parts of the batch, and of ``refuse`` for each poison message, in order.

        ``process`` must do all or nothing, or pass over what it has done before. Raises Unavailable, FencedError and
        StoreError as ``process`` does.
        """
        try:
            done = process(batch)
        except (Unavailable, FencedError, StoreError):
            raise
        except Exception as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                halves = batch[:middle], batch[middle:]
                return [result for half in halves for result in self.process(half, process, refuse)]
            return [refuse(batch[0], self._reason(error))]
        self._faults_in_a_row = 0
        return [done]

    def _reason(self, error: Exception) -> DecodeError:
        """The fault as an error of the item; what failed is its cause."""
        if isinstance(error, StoreRefusedError):
            fault = DecodeError("refused-by-database", "message", "unstorable", str(error))
        else:
            self._faults_in_a_row += 1
            if self._faults_in_a_row >= MAX_FAULTS_IN_A_ROW:
                raise error
            log.error("processing failed; this is a fault of nightshift", exc_info=error)
            fault = DecodeError("cannot-be-processed", "message", type(error).__name__, str(error))
        fault.__cause__ = error
        return fault
