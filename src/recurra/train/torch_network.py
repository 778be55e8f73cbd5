"""Torch's side of a graph behind the verbs of `runtime.Network`: numpy in, numpy out.

With it a model measures a network that is still being trained by the code that will run its bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.layers import GraphModule, Networks
from recurra.spec.graph import Graph
from recurra.spec.state import map_arrays

__all__ = ["TorchNetwork", "networks_of"]

Array = npt.NDArray[Any]


def networks_of(module: torch.nn.Module, graphs: Mapping[str, Graph]) -> dict[str, TorchNetwork]:
    """One network for each graph of a trained module."""
    if isinstance(module, Networks):
        return {name: TorchNetwork(module[name]) for name in graphs}
    assert isinstance(module, GraphModule)  # as `AbstractTask.network` makes it
    return {name: TorchNetwork(module) for name in graphs}


class TorchNetwork:
    """A graph that runs in torch, without gradients, on whatever device its weights are.

    Args:
        module: In evaluation mode.
    """

    def __init__(self, module: GraphModule) -> None:
        self.graph = module.graph
        self._module = module
        parameter = next(module.parameters(), torch.zeros(()))
        self._device = parameter.device
        self._real = parameter.dtype
        self.dtype = np.dtype(str(parameter.dtype).removeprefix("torch."))

    def initial_state(self, batch: int) -> dict[str, Any]:
        """As `runtime.Network.initial_state`."""
        return self._to_numpy(self._module.initial_state(batch))

    @torch.no_grad()
    def __call__(
        self,
        inputs: Mapping[str, Any],
        state: Mapping[str, Any] | None = None,
        **steps: Array | None,
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """As `runtime.Network.__call__`."""
        return self._run(self._module, inputs, state, steps)

    @torch.no_grad()
    def step(
        self, inputs_t: Mapping[str, Any], state: Mapping[str, Any], **steps: Array | None
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """As `runtime.Network.step`."""
        return self._run(self._module.step, inputs_t, state, steps)

    def _run(
        self, run: Any, inputs: Any, state: Any, steps: Mapping[str, Array | None]
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        given = {n: None if a is None else self._tensor(a) for n, a in steps.items()}
        begin = None
        if state is not None:
            begin = {name: map_arrays(self._tensor, slots) for name, slots in state.items()}
        outputs, after = run({n: self._input(x) for n, x in inputs.items()}, begin, **given)
        return {name: _array(value) for name, value in outputs.items()}, self._to_numpy(after)

    def _input(self, x: Any) -> Any:
        return tuple(map(self._tensor, x)) if isinstance(x, tuple) else self._tensor(x)

    def _tensor(self, array: Any) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self._device)
        return tensor.to(self._real) if tensor.is_floating_point() else tensor

    def _to_numpy(self, state: Mapping[str, Any]) -> dict[str, Any]:
        return {name: map_arrays(_array, slots) for name, slots in state.items()}


def _array(value: torch.Tensor) -> Array:
    value = value.detach().cpu()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
