"""Trained networks, run in NumPy: plain arrays in, plain arrays out.

They are small, so that a few matrix products cost less than TensorFlow's start. :mod:`dqm.networks.training` trains
them and is the only home of TensorFlow; what judges never imports it.
"""
