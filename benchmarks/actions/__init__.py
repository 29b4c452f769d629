"""Suggested actions for failing workflows, on emulated histories, and classes of real error messages."""
