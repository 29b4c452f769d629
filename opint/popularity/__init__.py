"""Which datasets will be popular: forecasts of weekly accesses, and how good they have been."""
