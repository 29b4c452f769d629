"""Trained bundles: which one judges, how they compare, what they are trained on."""
