"""Statistics without any knowledge of detectors: one method a file, each with its source."""
