"""Names of datasets, ``/primary/processed/TIER``, and their parts."""

import re
from dataclasses import dataclass

from opint.popularity.errors import TableError

MOST_CHARACTERS = 700
"""A longer text is not a name."""

PATTERN = r"/([A-Za-z0-9][A-Za-z0-9_.-]*)/([A-Za-z0-9][A-Za-z0-9_.-]*)/([A-Z0-9-]+)"
"""Primary dataset, processed dataset, tier; valid in Python and in Java."""
SHAPE = "a name looks like /primary/processed/TIER"
_NAME = re.compile(PATTERN)


@dataclass(frozen=True, slots=True)
class DatasetName:
    """The three parts of a name: what was recorded or generated, how it was processed, and the data tier."""

    primary: str
    processed: str
    tier: str

    @property
    def campaign(self) -> str:
        """Era or campaign: the part of the processed name before its first hyphen, as in ``Run2024I-PromptReco-v1``.

        For a user's own dataset that is the name of the user.
        """
        return self.processed.partition("-")[0]


def parse(name: str, origin: str) -> DatasetName:
    """The parts of ``name``; ``origin`` is its place, for errors.

    Raises:
        TableError: it is not the name of a dataset.
    """
    match = _NAME.fullmatch(name) if is_name(name) else None
    if match is None:
        raise TableError(origin, "dataset", repr(name), SHAPE)
    return DatasetName(*match.groups())


def is_name(text: str) -> bool:
    """Whether it is the name of a dataset."""
    return len(text) <= MOST_CHARACTERS and _NAME.fullmatch(text) is not None
