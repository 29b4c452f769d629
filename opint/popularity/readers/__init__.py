"""Tables of weekly accesses as experiments keep them, each read into a :class:`opint.popularity.history.History`."""
