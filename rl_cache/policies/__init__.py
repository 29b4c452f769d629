"""Cache policies by what they decide: admission, eviction; and references."""
