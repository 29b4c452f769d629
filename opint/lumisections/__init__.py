"""Histograms become verdicts on lumisections: scoring, assembly, closing, references."""
