"""Training of the networks; the only home of TensorFlow."""

import os

# Read when TensorFlow is imported: no chatter at the start. Without the second, sums depend on the processor's
# instruction sets and every process says so on standard error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
