"""Certification of whole subsystems by an ensemble of autoencoders."""
