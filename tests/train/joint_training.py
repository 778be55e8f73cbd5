"""One of several processes that train together on the CPU; run by test_device_processes.py."""

import sys
from pathlib import Path

import numpy as np

from recurra.codecs import Cases, cases_from_arrays
from recurra.spec.settings import Settings
from recurra.spec.tensors import tensors_to_bytes
from recurra.train.fit import fit_cases


def cases() -> Cases:
    generator = np.random.default_rng(0)
    # 25 sequences leave 21 to train on: the last batch of an epoch has one, so that all processes
    # but one have none of their own.
    x = [generator.normal(size=(int(generator.integers(2, 6)), 2)) + k % 2 for k in range(25)]
    return cases_from_arrays(x, ["a" if k % 2 else "b" for k in range(25)])


def main(folder: Path, epochs: int, resume: bool) -> None:
    settings = Settings.from_flat(
        {
            "hidden": 4,
            "epochs": 3,
            "batch_size": 5,
            # Each process draws noise of its own, so that only without it all learn the same.
            "dropout": 0.0,
            "zoneout": 0.0,
            "weight_dropout": 0.0,
            "precision": "float64",
            "class_weight": "balanced",
            "threads": 1,
        }
    )

    class Stops:
        def on_start(self, plan: object) -> None: ...

        def on_step(self, epoch: int, *_: object) -> None:
            if epoch > epochs:
                raise KeyboardInterrupt

        def on_epoch(self, record: object, best: bool) -> None: ...

        def on_end(self, stopped: str) -> None: ...

    fitted = fit_cases(cases(), settings, folder=folder, resume=resume, progress=Stops())
    fitted.export(folder)
    if fitted.main:
        weights = {name: v.numpy() for name, v in fitted.module.state_dict().items()}
        losses = {"loss": np.array([record["loss"] for record in fitted.history])}
        folder.with_suffix(".safetensors").write_bytes(tensors_to_bytes(weights | losses))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "resume")
