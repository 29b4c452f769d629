"""Forecasts in batch on Apache Spark: on a laptop (``local[*]``) and, unchanged, on a cluster.

The only home of pyspark. Features come from the kernels of :mod:`opint.popularity.features`, run on parts of the table.
"""
