"""What a histogram, a trigger rate or an event means: statistics, networks, calibration, verdicts, and simulation."""
