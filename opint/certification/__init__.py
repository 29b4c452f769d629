"""Certification: which lumisections of a run are good for physics, why the others are not, and what that costs.

``rules`` and ``certificate`` are pure; ``facts`` reads what they need from the store.
"""
