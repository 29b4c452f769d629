"""Policies that decide what leaves the cache."""
