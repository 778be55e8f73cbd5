"""Torch faces of the kernels, the reference, and the choice between them."""
