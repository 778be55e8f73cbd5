"""The native kernels as a differentiable torch function.

Two functions, forward and backward, each of which is differentiable: the first derivative is the
kernels' own; derivatives beyond the first, and forward-mode ones, are those of the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra import kernels
from recurra.kernels import checked
from recurra.ops import derivatives
from recurra.ops.call import STATES, Call
from recurra.ops.transforms import compiling, forward_mode, transformed
from recurra.spec.kernel import FAMILIES

__all__ = ["FACES", "Recipe", "backward", "forward", "run", "why_not"]

FACES: Mapping[str, ModuleType] = MappingProxyType(
    {"gru": kernels.gru, "lstm": kernels.lstm, "rnn": kernels.rnn, "scan": kernels.scan}
)
_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {family: tuple(table) for family, table in FAMILIES.items()}
)
Arrays = Sequence[Tensor | None]


@dataclass(frozen=True)
class Recipe:
    """What a call is beside its arrays.

    Args:
        family: "gru", "lstm", "rnn" or "scan".
        choices: As `Call.choices`.
        products: As `Call.products`, decided: "float32" or "bfloat16".
        keep: Forward also keeps what backward needs.
        wanted: The arrays of which backward gives the gradient.
        checked: `Call.check` saw these very arrays, values included: not a traced graph's or a
            transform's stand-ins for them.
    """

    family: str
    choices: Mapping[str, Any]
    products: str = "float32"
    keep: bool = False
    wanted: tuple[str, ...] = ()
    checked: bool = False

    def call(self, arrays: Arrays) -> Call:
        """The call with these arrays, in the descriptor's order."""
        return Call(self.family, dict(zip(_NAMES[self.family], arrays, strict=True)), self.choices)


def why_not(call: Call) -> str | None:
    """Why the native kernels cannot do this call; None: they can."""
    if kernels.backend() != "native":
        return "the native kernels were not built (recurra info says why)"
    if call.x.device.type != "cpu":
        return f"the native kernels run on the CPU, and x is on {call.x.device}"
    if compiling() and (transformed() or forward_mode()):
        return "inside torch.compile the native kernels take no torch.func and no forward mode"
    return None


def needs_gradient(call: Call) -> bool:
    """Whether a backward pass may follow."""
    if not torch.is_grad_enabled():
        return False
    return any(array is not None and array.requires_grad for array in call.arrays.values())


def run(call: Call) -> tuple[Tensor, ...]:
    """Outputs and final states, as `recurra.ops` gives them."""
    arrays = tuple(call.arrays.values())
    if transformed() or forward_mode():
        keep = needs_gradient(call) or transformed()
        recipe = Recipe(call.family, call.choices, call.products, keep)
        return _apply(_Forward, recipe, *arrays)[:-1]
    recipe = Recipe(call.family, call.choices, call.products, needs_gradient(call), checked=True)
    if recipe.keep:
        return _apply(_Plain, recipe, *arrays)
    # With no derivative to come, torch's bookkeeping would cost as much as a short sequence.
    return forward(recipe, arrays)[:-1]


def empty(call: Call, keep: bool) -> tuple[Tensor, ...]:
    """What `forward` gives, without values: the shapes that a traced graph needs."""
    batch, steps, _ = call.x.shape
    hidden = call.needed("h0").shape[1]
    states = [call.x.new_empty(batch, hidden) for _ in STATES[call.family]]
    # Only the kernels know how much they keep.
    kept = torch.library.get_ctx().new_dynamic_size() if keep else 0
    return call.x.new_empty(batch, steps, hidden), *states, call.x.new_empty(kept)


def forward(recipe: Recipe, arrays: Arrays) -> tuple[Tensor, ...]:
    """Outputs, final states, and what backward needs (empty without `keep`)."""
    views, choices = _views(recipe, arrays), recipe.choices
    threads, products = torch.get_num_threads(), recipe.products
    outputs: tuple[npt.NDArray[Any], ...]
    if recipe.checked:
        packed = checked.pack(_codes(recipe), views)
        reverse = choices["reverse"]
        y, states, kept = checked.forward(
            packed, views, reverse=reverse, threads=threads, keep=recipe.keep
        )
        outputs = (y, *states)
    else:
        face = FACES[recipe.family]
        *outputs, kept = face.forward(
            **views, **choices, products=products, threads=threads, keep=recipe.keep
        )
    tensors = [torch.from_numpy(output) for output in outputs]
    x = arrays[0]
    assert x is not None
    tensors.append(x.new_empty(0) if kept is None else torch.from_numpy(kept))
    return tuple(tensors)


def backward(
    recipe: Recipe, kept: Tensor, cotangents: Sequence[Tensor | None], arrays: Arrays
) -> tuple[Tensor, ...]:
    """The gradient of each wanted array; a cotangent that is None is zero."""
    views, choices = _views(recipe, arrays), recipe.choices
    x, state = views["x"], views["h0"]
    ends = [state.shape] * len(STATES[recipe.family])
    d_outputs = [
        np.zeros(shape, x.dtype) if cotangent is None else _view(cotangent)
        for shape, cotangent in zip(
            ((*x.shape[:2], *state.shape[1:]), *ends), cotangents, strict=True
        )
    ]
    threads = torch.get_num_threads()
    if recipe.checked:
        gradients = checked.backward(
            _codes(recipe),
            _view(kept),
            d_outputs,
            views,
            reverse=choices["reverse"],
            threads=threads,
        )
    else:
        face = FACES[recipe.family]
        found = face.backward(
            _view(kept), *d_outputs, **views, **choices, products=recipe.products, threads=threads
        )
        gradients = found._asdict()
    return tuple(torch.from_numpy(gradients[name]) for name in recipe.wanted)


def _codes(recipe: Recipe) -> checked.Codes:
    words = {name: word for name, word in recipe.choices.items() if name != "reverse"}
    return checked.codes_of(recipe.family, products=recipe.products, **words)


def _view(tensor: Tensor) -> npt.NDArray[Any]:
    """The same memory as a numpy array; a lazily negated tensor is negated first."""
    array: npt.NDArray[Any] = tensor.numpy(force=True)
    return array


def _views(recipe: Recipe, arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    """Those that are there."""
    named = zip(_NAMES[recipe.family], arrays, strict=True)
    return {name: _view(array) for name, array in named if array is not None}


def _differentiable(family: str, arrays: Arrays) -> tuple[int, ...]:
    """The positions of the arrays that are there and have a derivative."""
    table = zip(FAMILIES[family].values(), arrays, strict=True)
    return tuple(k for k, (field, a) in enumerate(table) if a is not None and field.dtype == "real")


def _place(values: Sequence[Any], positions: Sequence[int], others: Sequence[Any]) -> list[Any]:
    """`others` with `values` put in at the positions."""
    placed = list(others)
    for k, value in zip(positions, values, strict=True):
        placed[k] = value
    return placed


def _apply(function: Any, *args: Any) -> tuple[Tensor, ...]:
    """`function.apply`, which torch declares without types."""
    outputs: tuple[Tensor, ...] = function.apply(*args)
    return outputs


def _one_by_one(
    function: Any, count: int, in_dims: Sequence[Any], args: Sequence[Any]
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """vmap by a call for each slice: the kernels' order of summation stays as it is."""
    calls = [
        _apply(
            function,
            *(a if d is None else a.select(d, k) for a, d in zip(args, in_dims, strict=True)),
        )
        for k in range(count)
    ]
    stacked = tuple(torch.stack(slices) for slices in zip(*calls, strict=True))
    return stacked, (0,) * len(stacked)


def _differentiate(ctx: Any, cotangents: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    """The gradient of each argument of forward, of which the first is the recipe."""
    kept, *arrays = ctx.saved_tensors
    before: Recipe = ctx.recipe
    wanted = [k for k, needed in enumerate(ctx.needs_input_grad[1:]) if needed]
    names = _NAMES[before.family]
    plain = not (torch.is_grad_enabled() or transformed() or forward_mode())
    recipe = Recipe(
        before.family,
        before.choices,
        before.products,
        wanted=tuple([names[k] for k in wanted]),
        checked=before.checked and plain,
    )
    if plain:
        gradients = backward(recipe, kept, cotangents, arrays)
    else:
        gradients = _apply(_Backward, recipe, kept, *cotangents, *arrays)
    return None, *_place(gradients, wanted, [None] * len(arrays))


class _Plain(torch.autograd.Function):
    """A call outside every transform, as training makes it.

    Torch binds a function that has `setup_context` to its signature at each call, and saves its
    arrays once more for forward mode: both take longer than a short sequence.
    """

    @staticmethod
    def forward(ctx: Any, recipe: Recipe, *arrays: Tensor | None) -> tuple[Tensor, ...]:
        *outputs, kept = forward(recipe, arrays)
        ctx.recipe = recipe
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(kept, *arrays)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        return _differentiate(ctx, cotangents)


class _Forward(torch.autograd.Function):
    @staticmethod
    def forward(recipe: Recipe, *arrays: Tensor | None) -> tuple[Tensor, ...]:
        return forward(recipe, arrays)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.recipe, *arrays = inputs
        ctx.mark_non_differentiable(output[-1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[-1], *arrays)
        ctx.save_for_forward(output[-1], *arrays)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        return _differentiate(ctx, cotangents[:-1])

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> tuple[Tensor | None, ...]:
        _, *arrays = ctx.saved_tensors
        recipe = ctx.recipe
        moved = _differentiable(recipe.family, arrays)

        def function(*inputs: Tensor) -> tuple[Tensor, ...]:
            return derivatives.forward(recipe.call(_place(inputs, moved, arrays)))

        inputs = [arrays[k] for k in moved]
        return *derivatives.push(function, inputs, [tangents[k] for k in moved]), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        return _one_by_one(_Forward, info.batch_size, in_dims, args)


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(recipe: Recipe, kept: Tensor, *rest: Tensor | None) -> tuple[Tensor, ...]:
        split = 1 + len(STATES[recipe.family])
        return backward(recipe, kept, rest[:split], rest[split:])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: tuple[Tensor, ...]) -> None:
        ctx.recipe, _, *rest = inputs
        ctx.save_for_backward(*rest)
        ctx.save_for_forward(*rest)

    @staticmethod
    def _function(ctx: Any) -> tuple[derivatives.Function, list[Tensor], list[int]]:
        """The gradients as a function of cotangents and arrays; these; and their positions."""
        rest: Sequence[Any] = ctx.saved_tensors
        recipe = ctx.recipe
        split = 1 + len(STATES[recipe.family])
        names = _NAMES[recipe.family]
        moved = [k for k in range(split) if rest[k] is not None]
        moved += [split + k for k in _differentiable(recipe.family, rest[split:])]

        def function(*inputs: Tensor) -> tuple[Tensor, ...]:
            placed = _place(inputs, moved, rest)
            cotangents, arrays = placed[:split], placed[split:]
            wanted = [names.index(name) for name in recipe.wanted]

            def outputs(*chosen: Tensor) -> tuple[Tensor, ...]:
                return derivatives.forward(recipe.call(_place(chosen, wanted, arrays)))

            return derivatives.pull(outputs, [arrays[k] for k in wanted], cotangents)

        return function, [rest[k] for k in moved], moved

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        function, inputs, moved = _Backward._function(ctx)
        gradients = derivatives.pull(function, inputs, cotangents)
        return None, None, *_place(gradients, moved, [None] * len(ctx.saved_tensors))

    @staticmethod
    def jvp(ctx: Any, _: None, __: Any, *tangents: Tensor | None) -> tuple[Tensor, ...]:
        function, inputs, moved = _Backward._function(ctx)
        return derivatives.push(function, inputs, [tangents[k] for k in moved])

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        return _one_by_one(_Backward, info.batch_size, in_dims, args)
