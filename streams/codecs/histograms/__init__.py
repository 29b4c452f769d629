"""Histograms as messages: Arrow IPC and UHI JSON."""
