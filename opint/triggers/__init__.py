"""Trigger rates: the handler of their stream and the summary of a run."""
