"""The doctor: what a training recorded of itself, read for what is wrong with it.

`recorder` measures while a training runs, `signals` writes and reads what it found, the modules
named after kinds of trouble are pure functions from signals to findings, `judge` ranks these.
"""
