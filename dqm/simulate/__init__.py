"""A seeded detector simulator with faults and their truth: what demonstrations, tests and benchmarks run on."""
