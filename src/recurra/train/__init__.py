"""Training: split, batches, the loop, checkpoints, export with a certificate."""
