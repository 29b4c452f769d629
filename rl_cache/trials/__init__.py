"""Rules for a cache: proposed from a trace, tried in shadow, suggested where they stand the trial."""
