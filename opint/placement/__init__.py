"""Acting on forecasts: which datasets to copy to disk, which to delete from it, and why."""
