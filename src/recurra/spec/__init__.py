"""What is written to disk and shared by training and runtime: cells, graph, state, batch, bundle.

Nothing here computes, and nothing here imports more than the standard library and numpy.
"""
