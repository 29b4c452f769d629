"""Occupancies: strips and maps of channels."""
