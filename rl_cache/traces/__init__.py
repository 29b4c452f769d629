"""File accesses in time order: the trace itself, readers and generators."""
