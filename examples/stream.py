"""Run a bundle one observation at a time, without PyTorch; keep its state and go on from it.

python examples/stream.py [BUNDLE]          of a model of one channel, as classify.py writes it
"""

from __future__ import annotations

import sys

import numpy as np

from recurra import runtime
from recurra.errors import ObservationError


def main(bundle: str = "runs/classify") -> None:
    """Feed a wave, fork the stream in its middle, and feed something that is refused."""
    model = runtime.load(bundle)
    session = model.session()
    wave = np.sin(0.8 * np.arange(30))
    for reading in wave[:15]:
        probabilities = session.feed([reading])
    print("half-way", dict(zip(model.labels, probabilities.round(3).tolist(), strict=True)))

    state = session.state()  # a value: it can be kept, moved to another process, handed back
    other = session.fork()
    for reading in wave[15:]:
        probabilities = session.feed([reading])
        other.feed([0.0])
    print("the end ", dict(zip(model.labels, probabilities.round(3).tolist(), strict=True)))

    session.restore(state)
    for reading in wave[15:]:
        again = session.feed([reading])
    print("again the same bits:", again.tobytes() == probabilities.tobytes())

    try:
        session.feed([float("nan")])
    except ObservationError as error:
        print("refused:", error)


if __name__ == "__main__":
    main(*sys.argv[1:])
