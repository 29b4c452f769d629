"""What to do about an incident, as the site has written it down: a folder of Markdown files, rendered as safe HTML.

``family/content.md`` is about a family, ``subsystem/Pixel.md`` about a subsystem, ``folder/Pixel/Barrel.md`` about a
folder and those in it, ``default.md`` about all incidents. What is narrower comes first. markdown-it renders them
without HTML of their own, and nh3 keeps known tags alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from conf.errors import SettingsError

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MOST_FILES = 10_000
LARGEST_FILE = 64 * 1024
"""Bytes of one file."""


@dataclass(frozen=True, slots=True)
class GuidanceFolder:
    """Texts by name of the file below the folder, without ``.md``.

    Names of incidents are looked up here and never become paths, since they come from messages.
    """

    texts: Mapping[str, str] = field(default_factory=dict)

    def text_of(self, family: str, subsystem: str, element_group: str) -> str:
        """All that is said about such an incident, the narrowest first, in Markdown; empty if there is nothing."""
        parts = [self.texts[name] for name in _names(family, subsystem, element_group) if name in self.texts]
        return "\n\n".join(part.strip() for part in parts if part.strip())


def _names(family: str, subsystem: str, element_group: str) -> Iterator[str]:
    inner = element_group
    while inner:
        yield f"folder/{inner}"
        inner = inner.rpartition("/")[0]
    yield f"subsystem/{subsystem}"
    yield f"family/{family}"
    yield "default"


def load_guidance(folder: str) -> GuidanceFolder:
    """Read the files; an empty name has none.

    Raises SettingsError if the folder cannot be read, or if a file is too large, no text, or one too many.
    """
    if not folder:
        return GuidanceFolder()
    root = Path(folder)
    if not root.is_dir():
        raise SettingsError(f"alerts.guidance is {folder!r}, which is no folder")
    files = sorted(path for path in root.rglob("*.md") if path.is_file())
    if len(files) > MOST_FILES:
        raise SettingsError(f"alerts.guidance is {folder!r}, which holds {len(files)} files; at most {MOST_FILES}")
    return GuidanceFolder({path.relative_to(root).with_suffix("").as_posix(): _text(path) for path in files})


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise SettingsError(f"guidance {path} is larger than {LARGEST_FILE} bytes")
        return raw.decode().replace("\0", "")
    except OSError as error:
        raise SettingsError(f"guidance {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"guidance {path} is not UTF-8 text (byte {error.start})") from None


_TAGS = {"p", "br", "strong", "em", "code", "pre", "ul", "ol", "li", "a", "blockquote", "hr"} | {"h3", "h4", "h5", "h6"}
_TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}


@cache
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only pages need it

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def render(markdown: str) -> str:
    """HTML of a text; headings begin below those of the page, links open without a word about where they come from."""
    import nh3  # noqa: PLC0415 - as above

    tokens = _markdown().parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html: str = _markdown().renderer.render(tokens, _markdown().options, {})
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noreferrer",
    )
