"""Settings of nightshift: one YAML file, strict, every key documented."""
