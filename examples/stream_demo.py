"""The demonstration's second process: opens a bundle without torch and streams one utterance.

    python examples/stream_demo.py runs/demo/bundle runs/demo/utterance.jsonl runs/demo/stream.json

The utterance holds one frame a line, as `recurra predict BUNDLE --stream` reads them too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from recurra import runtime
from recurra.spec.disk import write_atomic

BLOCKS = " ▁▂▃▄▅▆▇█"
WIDTH = 24


def main(bundle: str, utterance: str, out: str) -> None:
    """Stream `utterance` through `bundle`, print each answer, write all of them to `out`."""
    model = runtime.load(bundle)
    frames = [json.loads(line) for line in Path(utterance).read_text("utf-8").splitlines()]
    names = [str(label) for label in model.labels]
    print(f"          {' '.join(f'{name:>2}' for name in names)}   most probable")
    session = model.session()
    answers = []
    for number, frame in enumerate(frames, 1):
        answer = session.feed(frame)
        answers.append(answer)
        best = int(np.argmax(answer))
        columns = " ".join(f" {BLOCKS[round(float(p) * (len(BLOCKS) - 1))]}" for p in answer)
        bar = "█" * round(float(answer[best]) * WIDTH)
        print(
            f"frame {number:>2}  {columns}   {names[best]:>2} {bar} {answer[best]:.0%}", flush=True
        )
    whole = model(np.array(frames))
    told = {
        "probabilities": [answer.tolist() for answer in answers],
        "stream_max_abs_diff": float(np.abs(answers[-1] - whole).max()),
        "runtime_imported_torch": "torch" in sys.modules,
    }
    write_atomic(Path(out), json.dumps(told).encode("utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
