"""How well histograms are judged: one table a file, all run by ``python -m benchmarks.dqm``."""
