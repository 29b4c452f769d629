"""TensorFlow as all models use it: on the processor, in two threads.

It can be told so only once, before anything has run.
"""

import tensorflow as tf

__all__ = ["tf"]

tf.config.set_visible_devices([], "GPU")
tf.config.threading.set_intra_op_parallelism_threads(2)
tf.config.threading.set_inter_op_parallelism_threads(1)
