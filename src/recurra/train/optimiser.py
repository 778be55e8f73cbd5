"""The optimisers by name, over two groups: weights decay, biases and initial states do not."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

import torch

from recurra.errors import SettingsError
from recurra.spec.settings import TrainingSettings
from recurra.train.constraint import plain_name

__all__ = ["decays", "optimiser_class", "optimiser_for"]

# "gd" is sgd whose one step an epoch takes all batches together: the loop sees to that.
_OPTIMISERS: dict[str, type[torch.optim.Optimizer]] = {
    "gd": torch.optim.SGD,
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}
_UNFIT = {
    "LBFGS": "it evaluates the loss several times a step",
    "SparseAdam": "it takes sparse gradients only",
    "Muon": "it takes matrices only, and a recurrent layer has biases",
    "Optimizer": "it is the base of the others",
}


def decays(name: str) -> bool:
    """Whether the parameter of that path is pulled towards zero: only weights are.

    Biases and initial states carry an operating point, not a slope; pulling them to zero would
    undo initialisers such as chrono's.
    """
    return plain_name(name).rsplit(".", 1)[-1] in ("weight", "input_weight", "recurrent_weight")


def optimiser_for(module: torch.nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """The optimiser that the settings name, for the parameters of `module`.

    Weight decay is that of the class: decoupled in AdamW (Loshchilov & Hutter 2019,
    arXiv:1711.05101, algorithm 2), in the others what the class makes of it (mostly a term of the
    gradient).

    Raises:
        SettingsError: no optimiser has that name, or it cannot train a network step by step.
    """
    kind = optimiser_class(settings.optimiser)
    known = inspect.signature(kind).parameters
    options: dict[str, Any] = {"lr": settings.learning_rate}
    if kind in (torch.optim.SGD, torch.optim.RMSprop):
        options["momentum"] = settings.momentum
    if settings.nesterov:
        if kind is not torch.optim.SGD or settings.momentum == 0:
            raise SettingsError(
                f"nesterov is for optimiser=sgd or gd with a momentum above 0, got optimiser="
                f"{settings.optimiser}, momentum={settings.momentum}: set nesterov=false"
            )
        options["nesterov"] = True
    # One kernel over all parameters, where the class has it for every device.
    if kind in (torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD, torch.optim.Adagrad):
        options["fused"] = True
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    decay = {"weight_decay": settings.weight_decay} if "weight_decay" in known else {}
    none = {"weight_decay": 0.0} if decay else {}
    groups = [
        {"params": [p for name, p in named if decays(name)], **decay},
        {"params": [p for name, p in named if not decays(name)], **none},
    ]
    return kind([group for group in groups if group["params"]], **options)


def optimiser_class(name: str) -> type[torch.optim.Optimizer]:
    """The class of that name, ours or torch's.

    Args:
        name: As `optimiser` takes it.

    Raises:
        SettingsError: no optimiser has that name, or it cannot train a network step by step.
    """
    if name in _OPTIMISERS:
        return _OPTIMISERS[name]
    kind = getattr(torch.optim, name, None)
    if name in _UNFIT:
        raise SettingsError(f"optimiser={name!r} cannot be taken: {_UNFIT[name]}; take adamw")
    if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer):
        return kind
    classes = [n for n in dir(torch.optim) if isinstance(getattr(torch.optim, n), type)]
    near = difflib.get_close_matches(name, [*_OPTIMISERS, *classes], n=1, cutoff=0)
    raise SettingsError(
        f"optimiser must be one of {', '.join(_OPTIMISERS)} or a class of torch.optim, got "
        f"{name!r}; did you mean {near[0]!r}?"
    )
