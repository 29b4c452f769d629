"""The cache laboratory in figures."""
