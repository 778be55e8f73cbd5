"""One file for each contender: `inference`, `training` and `step`, as far as it has them.

Each takes a `Layer` and the number of threads and gives a `Contender`; None where the library is
not installed or has no such thing. Weights are prepared ahead for inference and steps, because
they stand still there, and are fresh in training.
"""
