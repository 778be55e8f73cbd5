"""The checkpoint: everything that a training needs to go on as if it had never stopped.

One safetensors file, so that it is whole or the one before is:

    weights/<path>, best/<path>     now, and at the best epoch
    optimiser/<k>/<name>            of the k-th parameter in the optimiser's order
    average/<name>, clip/<name>     of the averaged weights and of the clipper, where they keep any
    random/<name>                   [processes, ...] random states (see `randomness`)
    metadata "checkpoint"           JSON: epoch, history, best epoch, identity, sha256

The learning rate and the order of the batches are pure functions of seed, epoch and step; there is
nothing of them to keep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator

from recurra.errors import BundleError, StateError, TrainingError
from recurra.spec.canonical import json_from_bytes, json_to_bytes
from recurra.spec.disk import write_atomic
from recurra.spec.tensors import tensors_from_bytes, tensors_to_bytes
from recurra.train import randomness
from recurra.train.loop import Loop, Run

__all__ = ["CHECKPOINT", "CHECKPOINT_VERSION", "load_checkpoint", "save_checkpoint"]

CHECKPOINT = "checkpoint.safetensors"
# A checkpoint of another version is refused: it lives as long as one training, no longer. A setting
# whose default comes to mean another network needs a new one. 2: numbers are not dropped unless
# input_dropout says so.
CHECKPOINT_VERSION = 2

Arrays = dict[str, npt.NDArray[Any]]


def save_checkpoint(folder: Path, loop: Loop, run: Run, identity: Mapping[str, Any]) -> None:
    """Write the checkpoint of `loop` after an epoch; only the first process writes, all must call.

    Args:
        folder: Exists.
        loop: Its network and optimiser.
        run: How far it has come.
        identity: What must be the same when it goes on; a flat object of JSON values.

    Raises:
        OutputError: it cannot be written; the previous checkpoint is whole.
    """
    random = _gathered(randomness.capture(), loop.accelerator)
    if not loop.accelerator.is_main_process:
        return
    arrays = _prefixed("weights", _arrays(loop.network.state_dict()))
    arrays |= _prefixed("best", _arrays(run.best))
    for k, state in loop.optimiser.state_dict()["state"].items():
        kept = {name: value for name, value in state.items() if value is not None}
        arrays |= _prefixed(f"optimiser/{k}", _arrays(kept))
    arrays |= _prefixed("average", _arrays(loop.average.state()))
    arrays |= _prefixed("clip", _arrays(loop.clipper.state()))
    arrays |= _prefixed("random", random)
    record = {
        "version": CHECKPOINT_VERSION,
        "identity": dict(identity),
        "epoch": run.epoch,
        "best_epoch": run.best_epoch,
        "best_metric": run.best_metric,
        "best_loss": run.best_loss,
        "stopped": run.stopped,
        "history": [dict(entry) for entry in run.history],
        "sha256": _digest(arrays),
    }
    text = json_to_bytes(record, indent=None).decode("ascii")
    write_atomic(folder / CHECKPOINT, tensors_to_bytes(arrays, {"checkpoint": text}))


def load_checkpoint(folder: Path, loop: Loop, identity: Mapping[str, Any]) -> Run | None:
    """Set network, optimiser and random states as the checkpoint says; None: there is none.

    Raises:
        TrainingError: the checkpoint is damaged or of another version, or a part of `identity`
            differs: names the parts.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        raw = path.read_bytes()
        arrays, metadata = tensors_from_bytes(raw, str(path))
        record = json_from_bytes(metadata["checkpoint"].encode(), str(path))
        if record["version"] != CHECKPOINT_VERSION or record["sha256"] != _digest(arrays):
            raise TrainingError(_unusable(path, "it is damaged or of another version"))
        _require_same(record["identity"], identity, path)
        weights = {name: _tensor(a) for name, a in _under("weights", arrays).items()}
        loop.network.load_state_dict(weights)
        fresh = loop.optimiser.state_dict()
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, array in _under("optimiser", arrays).items():
            number, _, field = name.partition("/")
            state.setdefault(int(number), {})[field] = _tensor(array)
        loop.optimiser.load_state_dict({"state": state, "param_groups": fresh["param_groups"]})
        for part, keeper in (("average", loop.average), ("clip", loop.clipper)):
            keeper.restore({name: _tensor(a) for name, a in _under(part, arrays).items()})
        row = loop.accelerator.process_index
        randomness.restore({name: a[row] for name, a in _under("random", arrays).items()})
        device = loop.accelerator.device
        return Run(
            epoch=record["epoch"],
            history=record["history"],
            best_epoch=record["best_epoch"],
            best_metric=record["best_metric"],
            best_loss=record["best_loss"],
            best={name: _tensor(a).to(device) for name, a in _under("best", arrays).items()},
            stopped=record["stopped"],
        )
    except TrainingError:
        raise
    # What torch says of weights or a state that do not fit is a RuntimeError.
    except (
        OSError,
        BundleError,
        StateError,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:
        raise TrainingError(_unusable(path, str(error))) from error


def _unusable(path: Path, why: str) -> str:
    return f"cannot continue from {path}: {why}; --force begins anew"


def _require_same(before: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    parts = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if parts:
        changes = "; ".join(f"{n} was {before.get(n)!r}, is {now.get(n)!r}" for n in parts)
        raise TrainingError(
            f"cannot continue from {path}: it was begun otherwise ({changes}): "
            "give what it was begun with, or --force to begin anew"
        )


def _gathered(states: Arrays, accelerator: Accelerator) -> Arrays:
    """Every process's states, [processes, ...]."""
    gathered = {}
    for name, array in states.items():
        tensor = torch.from_numpy(array)[None].to(accelerator.device)
        gathered[name] = cast(torch.Tensor, accelerator.gather(tensor)).cpu().numpy()
    return gathered


def _arrays(tensors: Mapping[str, torch.Tensor]) -> Arrays:
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def _tensor(array: npt.NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(array)


def _prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _under(prefix: str, arrays: Arrays) -> Arrays:
    start = f"{prefix}/"
    return {name[len(start) :]: a for name, a in arrays.items() if name.startswith(start)}


def _digest(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
