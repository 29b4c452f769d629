"""Read-only queries for pages and for the JSON API.

Every function takes an open SQLAlchemy connection and returns the frozen records of
:mod:`opint.store.views.records`. Nothing here writes, reads a clock or decides anything.
"""
