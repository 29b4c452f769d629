"""Compiled parts that policies are made of: the control flow of a request, linked lists, heaps, hashes."""
