"""AdamW over two groups: weights decay, biases and initial states do not."""

from __future__ import annotations

import torch

from recurra.spec.settings import TrainingSettings

__all__ = ["decays", "optimiser_for"]


def decays(name: str) -> bool:
    """Whether the parameter of that path is pulled towards zero: only weights are.

    Biases and initial states carry an operating point, not a slope; pulling them to zero would
    undo initialisers such as chrono's.
    """
    return name.rsplit(".", 1)[-1] in ("weight", "input_weight", "recurrent_weight")


def optimiser_for(module: torch.nn.Module, settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW with decoupled decay for the parameters of `module`.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
    """
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    groups = [
        {
            "params": [p for name, p in named if decays(name)],
            "weight_decay": settings.weight_decay,
        },
        {"params": [p for name, p in named if not decays(name)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=settings.learning_rate, fused=True
    )
