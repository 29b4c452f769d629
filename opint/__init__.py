"""Operational intelligence: the store, alerts, the dashboard, the daemon and the command line."""
