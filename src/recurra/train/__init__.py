"""Training: split, batches, the loop, checkpoints, export with a certificate.

Importing this loads nothing: `recurra.train.progress` must be had without torch.
"""
