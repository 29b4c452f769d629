"""Verdicts on runs and lumisections that people have labelled."""
