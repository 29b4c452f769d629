"""Text from outside, made fit for both databases."""

from typing import Any

from sqlalchemy import Dialect, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from opint.store.errors import StoreRefusedError


class IndexedText(TypeDecorator[str]):
    """A column of text in an index, and so of bounded size: what is longer is refused, by either database alike.

    PostgreSQL has such a limit and tells it only when a row of many columns is too long; SQLite has none.
    """

    impl = String
    cache_ok = True

    def __init__(self, max_bytes: int) -> None:
        """Allow ``max_bytes`` bytes of UTF-8."""
        super().__init__()
        self.max_bytes = max_bytes

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the base's names
        """The text as it is; raises StoreRefusedError if it is too long."""
        # A character takes at most 4 bytes: most names need no encoding.
        if value is None or 4 * len(value) <= self.max_bytes:
            return value
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > self.max_bytes:
            raise StoreRefusedError(
                f"the name {value[:60]!r}... has {size} bytes in UTF-8; at most {self.max_bytes} are kept"
            )
        return value

    def coerce_compared_value(self, op: Any, value: object) -> TypeEngine[Any]:  # noqa: ARG002 - the base's names
        """Compare with text of any length: it is merely not there."""
        return String()


def storable(text: str, most: int) -> str:
    """The first ``most`` characters; PostgreSQL has no NUL, and nobody has lone surrogates."""
    return text[:most].replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def indexable(text: str, max_bytes: int) -> str:
    """The same for a column in an index: what stands in the first ``max_bytes`` bytes of UTF-8."""
    return storable(text, max_bytes).encode()[:max_bytes].decode("utf-8", "ignore")
