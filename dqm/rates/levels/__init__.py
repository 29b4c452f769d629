"""Rates judged one by one: a quadratic in pileup for each path and prescale column, whose level is followed."""
