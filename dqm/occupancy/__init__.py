"""Occupancies: how many hits each channel of a strip (1-D) or cell of a map (2-D) has."""
