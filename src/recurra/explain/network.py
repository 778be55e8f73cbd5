"""The flow of a trained model: its weights in torch, its own inputs for raw cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import torch

from recurra.explain.flow import Flow, Norm, flows
from recurra.layers import BuildOptions, GraphModule, build
from recurra.runtime import AbstractModel, Parts

__all__ = ["model_flows", "module_of"]


def module_of(parts: Parts, graph: str = "main", **options: Unpack[BuildOptions]) -> GraphModule:
    """One graph of a trained model as a torch module with its weights, in evaluation mode.

    Args:
        parts: Of a bundle (`runtime.load(folder).parts`) or an estimator (`model_.parts`).
        graph: Its name.
        options: As `layers.build`'s: backend, device.
    """
    module = build(parts.graphs[graph], **options)
    weights = parts.weights_of(graph)
    module.load_state_dict({name: torch.from_numpy(w.copy()) for name, w in weights.items()})
    module.to(next(iter(module.state_dict().values())).dtype)
    return module.eval()


def model_flows(
    model: AbstractModel,
    cases: Sequence[Any],
    *,
    norm: Norm = "spectral",
    dtype: torch.dtype | None = None,
) -> dict[str, Flow]:
    """The flow of every recurrent layer of a trained model over raw cases.

    Args:
        model: `runtime.load(folder)`, or an estimator's `model_`.
        cases: Raw cases, one row of the flows each; a few are enough.
        norm: As `flow`'s.
        dtype: As `flow`'s.

    Returns:
        By the path of the layer; by "graph/path" where the model has several networks. Rows of
        shorter cases end in NaN.

    Raises:
        SpecError: a network has no recurrent layer.
        DataError: a case does not fit the model.
    """
    several = len(model.parts.graphs) > 1
    modules = {}
    rows: dict[str, list[Flow]] = {}
    for case in cases:
        for probe in model.probes(case):
            if probe.graph not in modules:
                modules[probe.graph] = module_of(model.parts, probe.graph)
            real = next(modules[probe.graph].parameters()).dtype
            inputs = {name: _tensor(array, real) for name, array in probe.inputs.items()}
            for path, found in flows(modules[probe.graph], inputs, norm=norm, dtype=dtype).items():
                rows.setdefault(f"{probe.graph}/{path}" if several else path, []).append(found)
    return {path: _side_by_side(own) for path, own in rows.items()}


def _tensor(array: Any, real: torch.dtype) -> Any:
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.to(real) if tensor.is_floating_point() else tensor


def _side_by_side(own: Sequence[Flow]) -> Flow:
    longest = max(next(iter(found.log10.values())).shape[1] for found in own)
    lines = {
        name: np.concatenate(
            [
                np.pad(
                    found.log10[name],
                    ((0, 0), (0, longest - found.log10[name].shape[1])),
                    constant_values=np.nan,
                )
                for found in own
            ]
        )
        for name in own[0].log10
    }
    return Flow(lines, own[0].norm, own[0].reverse)
