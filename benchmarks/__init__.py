"""Benchmarks: ``python -m benchmarks.NAME [--json] [--quick]``; all report in the frame of benchmarks.report."""
