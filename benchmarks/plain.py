"""The peer of `fit`: the same network and the same steps, as one writes them in plain PyTorch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from recurra.codecs import Cases, SequenceCodec, cases_from_arrays, fit_codec
from recurra.layers import build
from recurra.spec.batch import Encoded, collate
from recurra.spec.settings import DataSettings, Settings
from recurra.tasks import task_for
from recurra.tasks.buckets import epoch_batches, even_batches
from recurra.train.optimiser import decays
from recurra.train.randomness import isolated
from recurra.train.schedule import learning_rate

__all__ = ["Dataset", "Network", "train"]

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Dataset:
    """Labelled sequences, raw and encoded."""

    cases: Cases
    codec: SequenceCodec
    encoded: list[Encoded]

    @staticmethod
    def random(sequences: int, lengths: tuple[int, int], channels: int, classes: int) -> Dataset:
        """Noise around a level that tells the class."""
        rng = np.random.default_rng(0)
        labels = np.arange(sequences) % classes
        steps = rng.integers(lengths[0], lengths[1], sequences, endpoint=True)
        inputs = [
            rng.standard_normal((length, channels)) + label / classes
            for length, label in zip(steps, labels, strict=True)
        ]
        cases = cases_from_arrays(inputs, [f"class {label}" for label in labels])
        codec = fit_codec(cases, DataSettings(), "classify", dtype="float32")
        return Dataset(cases, codec, codec.encode_cases(cases))


class Network(torch.nn.Module):
    """nn.GRU; the last, the mean and the highest of its outputs; nn.Linear."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.gru = torch.nn.GRU(inputs, hidden, batch_first=True)
        self.head = torch.nn.Linear(3 * hidden, classes)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Scores [B, K] of padded sequences [B, T, C]; padding on the right reaches no valid step.

        Args:
            x: Inputs.
            lengths: Steps of each row, [B].
        """
        y, _ = self.gru(x)
        valid = (torch.arange(x.shape[1]) < lengths[:, None])[:, :, None]
        last = y[torch.arange(len(x)), lengths - 1]
        mean = torch.where(valid, y, 0.0).sum(1) / lengths[:, None]
        highest = torch.where(valid, y, -torch.inf).amax(1)
        scores: torch.Tensor = self.head(torch.cat([last, mean, highest], 1))
        return scores


def _same_weights(dataset: Dataset, settings: Settings) -> Network:
    """The network with the weights that `fit` begins from."""
    graph = task_for("classify").graphs(settings.model, dataset.codec)["main"]
    with isolated(settings.training.seed):
        ours = build(
            graph,
            input_init=settings.model.input_init,
            recurrent_init=settings.model.recurrent_init,
            bias_init=settings.model.bias_init,
            chrono_length=settings.model.chrono_length,
        ).state_dict()
    hidden = settings.model.hidden
    network = Network(dataset.encoded[0].steps["x"].shape[1], hidden, dataset.codec.target.size)
    names = {
        "gru.weight_ih_l0": "encoder.input_weight",
        "gru.weight_hh_l0": "encoder.recurrent_weight",
        "gru.bias_ih_l0": "encoder.input_bias",
        "gru.bias_hh_l0": "encoder.recurrent_bias",
        "head.weight": "head.weight",
        "head.bias": "head.bias",
    }
    weights = {theirs: ours[name].clone() for theirs, name in names.items()}
    for name, weight in weights.items():
        if name.startswith("gru"):
            # PyTorch's update gate keeps the old state; ours takes the new one.
            weight[hidden : 2 * hidden].neg_()
    network.load_state_dict(weights)
    return network


def train(
    dataset: Dataset, settings: Settings, dtype: torch.dtype, *, stop: int | None = None
) -> tuple[list[float], float]:
    """Train as `fit` does.

    Args:
        dataset: All of it is learnt from, and measured after each epoch.
        settings: `training`, and `model.hidden`.
        dtype: Of weights and inputs.
        stop: Epochs to run of those in the settings; None: all.

    Returns:
        Seconds of each epoch; the first one's mean loss.
    """
    chosen = settings.training
    network = _same_weights(dataset, settings).to(dtype)
    groups = [
        {"params": [p for n, p in network.named_parameters() if decays(_kind(n)) is decay]}
        | {"weight_decay": chosen.weight_decay if decay else 0.0}
        for decay in (True, False)
    ]
    optimiser = torch.optim.AdamW(groups, lr=chosen.learning_rate, fused=True)
    lengths = [case.length for case in dataset.encoded]
    steps = -(-len(lengths) // chosen.batch_size)
    seconds: list[float] = []
    first = 0.0
    for epoch in range(1, (stop or chosen.epochs) + 1):
        began = time.perf_counter()
        total = 0.0
        network.train()
        batches = epoch_batches(lengths, chosen.batch_size, chosen.seed, epoch)
        for step, index in enumerate(batches, (epoch - 1) * steps):
            x, ends, labels = _batch(dataset, index.tolist(), dtype)
            loss = functional.cross_entropy(network(x, ends), labels)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), chosen.clip_norm)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, chosen.epochs * steps, chosen)
            optimiser.step()
            total += float(loss.detach()) * len(index)
        _measure(network, dataset, dtype, chosen.batch_size)
        seconds.append(time.perf_counter() - began)
        first = first or total / len(lengths)
    return seconds, first


def _kind(name: str) -> str:
    """PyTorch's name of a parameter as `decays` knows it."""
    return "weight" if ".weight" in name else "bias"


def _batch(dataset: Dataset, index: Sequence[int], dtype: torch.dtype) -> Batch:
    batch = collate(dataset.encoded, index)
    x, lengths, labels = batch.steps["x"], batch.lengths, batch.rows["y"]
    return torch.from_numpy(x).to(dtype), torch.from_numpy(lengths), torch.from_numpy(labels)


@torch.no_grad()
def _measure(
    network: Network, dataset: Dataset, dtype: torch.dtype, batch_size: int
) -> tuple[float, float]:
    """What `fit` measures after an epoch: mean loss and accuracy on all sequences."""
    network.eval()
    right, loss = 0, 0.0
    for index in even_batches([case.length for case in dataset.encoded], batch_size):
        x, ends, labels = _batch(dataset, index.tolist(), dtype)
        scores = network(x, ends)
        loss += float(functional.cross_entropy(scores, labels, reduction="sum"))
        right += int((scores.argmax(1) == labels).sum())
    return loss / len(dataset.encoded), right / len(dataset.encoded)
