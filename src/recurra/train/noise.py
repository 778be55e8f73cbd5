"""What is done to the inputs of a network while it learns: noise, and symbols that vanish."""

from __future__ import annotations

from typing import Any

import torch

from recurra.layers import Embedding
from recurra.spec.settings import TrainingSettings

__all__ = ["disturb"]


def disturb(network: torch.nn.Module, settings: TrainingSettings) -> None:
    """Make `network` disturb its inputs in training mode, as the settings say.

    Noise is normal, of mean 0, on the graph's real inputs along time. A symbol that is dropped is
    the zero vector at every place of the batch; the others are scaled by 1 / (1 - p), so that the
    mean stays (Gal & Ghahramani 2016, arXiv:1512.05287, section 4.2).

    Args:
        network: As `AbstractTask.network` made it.
        settings: `input_noise`, `embedding_dropout`.
    """
    if settings.input_noise:

        def noisy(module: Any, given: Any) -> Any:
            if not module.training or not given:
                return None
            signals = module.graph.inputs
            inputs = {
                name: x + settings.input_noise * torch.randn_like(x)
                if torch.is_floating_point(x) and signals[name].axes == "steps"
                else x
                for name, x in given[0].items()
            }
            return (inputs, *given[1:])

        network.register_forward_pre_hook(noisy)
    if settings.embedding_dropout:

        def vanish(layer: Any, given: Any, result: Any) -> Any:
            if not layer.training:
                return None
            kept = 1.0 - settings.embedding_dropout
            weight = layer.weight
            drawn = torch.bernoulli(weight.new_full((len(weight), 1), kept)) / kept
            y, state = result
            return y * drawn[given[0]], state

        for layer in network.modules():
            if isinstance(layer, Embedding):
                layer.register_forward_hook(vanish)
