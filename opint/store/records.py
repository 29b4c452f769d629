"""The base of records that are only read: the same for pages and for the JSON API.

Names ending in ``_s`` are seconds since 1970 (UTC); runs and lumisections are numbers, with LS 0 for a
histogram of the whole run. Fields named like a table's column mean what :mod:`opint.store.tables` says.
"""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Base of all such records: they do not change."""

    model_config = ConfigDict(frozen=True, from_attributes=True, defer_build=True)
