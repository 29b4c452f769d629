"""What a histogram means: references, models, scorers, calibration and verdicts."""
