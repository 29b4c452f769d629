"""The classifier in NumPy is that in TensorFlow, and training finds what separates classes."""

import numpy as np

from dqm.networks.feedforward import Perceptron
from dqm.networks.training.descent import Schedule
from dqm.networks.training.perceptron import train


def test_training_separates_classes_that_no_line_separates():
    rng = np.random.default_rng(0)
    features = rng.uniform(-1, 1, (3000, 2)).astype(np.float32)
    label = ((features[:, 0] * features[:, 1] > 0) + (features[:, 0] > 0.8)).astype(np.intp)
    learned, validation = (features[:2500], label[:2500]), (features[2500:], label[2500:])
    network = train(learned, validation, 3, rng, Schedule(rate=5e-3, beta2=0.999, patience=5, epochs=30, batch=64))
    probability = network.probabilities(validation[0])
    np.testing.assert_allclose(probability.sum(axis=1), 1.0, rtol=1e-5)
    assert (probability.argmax(axis=1) == validation[1]).mean() > 0.95


def test_numpy_and_tensorflow_agree():
    import tensorflow as tf

    rng = np.random.default_rng(1)
    widths = [(7, 5), (5, 4), (4, 3)]
    layers = tuple(
        (rng.normal(size=shape).astype(np.float32), rng.normal(size=shape[1]).astype(np.float32)) for shape in widths
    )
    features = rng.normal(size=(20, 7)).astype(np.float32)
    layer = tf.constant(features)
    for kernel, bias in layers[:-1]:
        layer = tf.nn.relu(layer @ kernel + bias)
    expected = tf.nn.softmax(layer @ layers[-1][0] + layers[-1][1])
    np.testing.assert_allclose(Perceptron(layers).probabilities(features), expected.numpy(), rtol=1e-4, atol=1e-6)
