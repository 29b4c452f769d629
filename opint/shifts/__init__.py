"""Shifts: when they are and who takes them, and what there is to hand over at their end."""
