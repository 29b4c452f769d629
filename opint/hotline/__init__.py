"""The event hotline: the most surprising events are kept."""
