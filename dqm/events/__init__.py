"""The event hotline: which few events an hour look least like all others."""
