"""One file a migration; the names begin with the order they run in."""
