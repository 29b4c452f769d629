"""Names of datasets, ``/primary/processed/TIER``, and what they tell of a dataset that nobody has read yet."""

import re
from dataclasses import dataclass

from opint.popularity.errors import TableError

MOST_CHARACTERS = 700
"""A longer name is no name."""

_NAME = re.compile(
    r"/(?P<primary>[A-Za-z0-9][A-Za-z0-9_.-]*)/(?P<processed>[A-Za-z0-9][A-Za-z0-9_.-]*)/(?P<tier>[A-Z0-9-]+)"
)


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
    """The parts of ``name``; ``origin`` says in errors where it stood.

    Raises:
        TableError: it is no name of a dataset.
    """
    found = _NAME.fullmatch(name) if len(name) <= MOST_CHARACTERS else None
    if found is None:
        raise TableError(origin, "dataset", repr(name), "a name looks like /primary/processed/TIER")
    return DatasetName(found["primary"], found["processed"], found["tier"])
