"""Learned models; the only home of TensorFlow."""
