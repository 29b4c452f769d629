"""Trigger rates: what they should be under the conditions of a lumisection, and what is wrong if they are not."""
