"""Where files keep what their format has no fixed place for: a site's own folders, names and columns.

A *template* is a path with fields in braces: ``run{run}/ls{ls}/{subsystem}/{me}``. ``{run}`` and ``{ls}`` stand for
digits, ``{me}`` for the rest of the path, folders included, ``{subsystem}`` for one part of a path; ``*`` stands for
anything within one part.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from conf.stream import FileSettings

_FIELDS = {"run": r"\d+", "ls": r"\d+", "subsystem": r"[^/]+", "me": r".+"}
_TOKEN = re.compile(r"\{(\w+)\}|\*")


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How a site's files differ from the layouts that are read as they are.

    ``dataset`` and ``subsystem`` are for files and names that do not say theirs. ``root_path`` is the template of the
    paths of histograms in ROOT files, ``root_file`` that of the files' names; what the first does not name, the second
    may. ``columns`` gives, for a column of the CSV dialect, the name that it has in the site's tables.
    """

    dataset: str = FileSettings().dataset
    subsystem: str = FileSettings().subsystem
    root_path: re.Pattern[str] | None = None
    root_file: re.Pattern[str] | None = None
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, settings: FileSettings) -> "FileLayout":
        """The layout that the settings describe."""
        pairs = (pair.partition("=") for pair in filter(None, settings.columns.split(",")))
        return cls(
            settings.dataset,
            settings.subsystem,
            template(settings.root_path) if settings.root_path else None,
            template(settings.root_file) if settings.root_file else None,
            MappingProxyType({column.strip(): name.strip() for column, _, name in pairs}),
        )

    def subsystem_of(self, name: str) -> str:
        """The first folder of a histogram's name; the layout's own subsystem where there is none."""
        folder, slash, _ = name.partition("/")
        return folder if slash else self.subsystem


DEFAULT_LAYOUT = FileLayout()


def template(text: str) -> re.Pattern[str]:
    """The pattern of a template that the settings allow; its groups are the fields."""
    parts, end = [], 0
    for token in _TOKEN.finditer(text):
        parts.append(re.escape(text[end : token.start()]))
        name = token[1]
        if name is None:
            parts.append("[^/]*")
        else:
            parts.append(f"(?P<{name}>{_FIELDS[name]})")
        end = token.end()
    return re.compile("".join(parts) + re.escape(text[end:]), re.DOTALL)
