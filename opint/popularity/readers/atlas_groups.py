"""Weekly tasks of ATLAS by working group, input format and project (CSV): each such group stands for a dataset.

Columns DATETIME, WORKINGGROUP, INPUT_FORMAT_SHORT, INPUT_FORMAT_DESC, INPUT_PROJECT, N_TASKS, N_FILES. A group is
called ``/project/workinggroup-description/FORMAT``, so that its format takes the place of the data tier; tasks are its
accesses.
"""

from pathlib import Path

import numpy as np

from opint.popularity.assemble import Rows, assemble
from opint.popularity.history import History
from opint.popularity.readers.columns import days, numbers, table, texts

_TEXTS = ("WORKINGGROUP", "INPUT_FORMAT_SHORT", "INPUT_FORMAT_DESC", "INPUT_PROJECT")
_NUMBERS = ("N_TASKS", "N_FILES")


def read(path: Path) -> History:
    """The groups of a file, compressed or not.

    Raises:
        TableError: the file cannot be read, or a column is missing or holds something else.
    """
    content = table(path, ("DATETIME", *_TEXTS, *_NUMBERS))
    group, short, described, project = (texts(content, name) for name in _TEXTS)
    names = [
        f"/{_word(p)}/{_word(g)}-{_word(d)}/{_word(s).upper()}"
        for g, s, d, p in zip(group, short, described, project, strict=True)
    ]
    measures = {"naccess": numbers(content, "N_TASKS", str(path))}
    number = np.arange(1, len(names) + 1)
    return assemble(Rows(names, days(content, "DATETIME", str(path)), measures, None, str(path), number), named=True)


def _word(text: str) -> str:
    """Letters and digits of a word; ``none`` for nothing."""
    kept = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text).strip("_")
    return kept or "none"
