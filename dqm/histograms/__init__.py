"""Judging histograms: references, scorers, certification of whole subsystems, training, evidence."""
