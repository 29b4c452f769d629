"""The event hotline: the few events an hour that look least like all others."""
