"""What a daemon needs of the pipeline that judges its records, be they histograms or trigger rates."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from dqm.core.drift import Reference
from dqm.core.state import LumisectionState, ScoredBatch
from dqm.core.verdicts import History
from streams.errors import DecodeError
from streams.records import Catalogue, Conditions, LumisectionKey

Float32 = npt.NDArray[np.float32]


class Keyed(Protocol):
    """A decoded message: something about one lumisection of one dataset."""

    @property
    def key(self) -> LumisectionKey:
        """Run and lumisection."""

    @property
    def dataset(self) -> str:
        """The dataset that it belongs to."""

    @property
    def conditions(self) -> Conditions:
        """What machine and detector did."""

    @property
    def unread(self) -> Sequence[DecodeError]:
        """Why parts of the message are not in it."""


Record = TypeVar("Record", bound=Keyed)
Record_contra = TypeVar("Record_contra", bound=Keyed, contravariant=True)


class Judge(Protocol):
    """The part of judging that needs no records."""

    @property
    def version(self) -> str:
        """Version of the model."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def trained_s(self) -> float | None:
        """When it was trained, s since 1970; None if that is not known."""

    @property
    def expected(self) -> Mapping[str, Catalogue]:
        """By subsystem, what must come in each lumisection."""

    @property
    def follows(self) -> bool:
        """Whether references may be chosen anew for each run."""

    @property
    def followed(self) -> Sequence[str]:
        """Subsystems whose centre moves from run to run, in order."""

    @property
    def numbers(self) -> int:
        """How many numbers of each element a centre follows."""

    @property
    def sums_rates(self) -> bool:
        """Whether a verdict needs the trigger rates of the lumisections before, not only their content."""

    def reach(self, frozen: int) -> int:
        """How many lumisections before one decide its verdict, where ``frozen`` decide whether it is frozen."""

    def adopt(self, dataset: str, run: int, references: Mapping[str, Reference], shifts: Mapping[str, Float32]) -> None:
        """Judge the run by ``references`` and about centres moved by ``shifts`` (2, n, numbers) from now on."""

    def drop(self, dataset: str, run: int) -> None:
        """Forget what was adopted for the run."""

    def warm_up(self) -> None:
        """Make the first message wait for nothing."""

    def close(self, state: LumisectionState, history: History, now_s: float, because: str) -> LumisectionState:
        """The state with its verdicts, closed at ``now_s``."""


class RecordJudge(Judge, Protocol[Record_contra]):
    """Pure: equal records give equal bytes, however they are grouped."""

    def score(self, records: Sequence[Record_contra], /) -> list[ScoredBatch]:
        """Scores of each record, in the same order."""
