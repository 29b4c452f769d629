"""TensorFlow as all models use it: on the processor, in two threads.

It can be told so only once, before anything has run.
"""

from conf.errors import NightshiftError

try:
    import tensorflow as tf
except ModuleNotFoundError:
    raise NightshiftError("training a network needs TensorFlow: pip install 'nightshift[train]'") from None

__all__ = ["tf"]

tf.config.set_visible_devices([], "GPU")
tf.config.threading.set_intra_op_parallelism_threads(2)
tf.config.threading.set_inter_op_parallelism_threads(1)
