"""What judging histograms, rates and events has in common: quality, state, calibration, budget, verdicts, drift."""
