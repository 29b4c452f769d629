"""A cache laboratory: traces, a simulator, policies, and what may be suggested to a cache's administrator."""
