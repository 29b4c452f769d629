"""References that know the future, and what-ifs: nothing to run in a real cache."""
