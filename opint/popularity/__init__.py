"""Which datasets will be wanted: forecasts of weekly accesses, and how good they have been."""
