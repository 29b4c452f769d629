"""Compiled parts that policies are made of: the flow of a request, lists, heaps, sampling, history, networks."""
