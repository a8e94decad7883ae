"""What several test files need: ``from support.networks import digits_model``.

``support.calibrators``: every calibrator, and problems (logits, labels, weights) for them.
``support.classifiers``: classifiers that behave as wrappers of other libraries do.
``support.networks``: small networks of Keras, their data, and what is known about them.
``support.predictions``: problems (classes, probabilities, weights) for metrics, and slow bins.
"""
