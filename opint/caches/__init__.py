"""Suggestions for caches on trial: what caches report of file accesses, tried in shadow and stored."""
