"""The native kernels as registered operators, `recurra::gru` and its like, for torch.compile.

Eager calls go through `recurra.ops.native`, which also knows vmap, forward mode and higher
derivatives; a traced graph needs operators with a schema, and these have the first derivative only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from recurra.ops import native
from recurra.ops.call import STATES, Call
from recurra.spec.kernel import FAMILIES

__all__ = ["CHOICES", "OPERATORS", "run"]

CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "gru": ("reset", "activation", "gate_activation", "reverse"),
        "lstm": ("activation", "gate_activation", "reverse"),
        "rnn": ("activation", "reverse"),
        "scan": ("activation", "gate_activation", "reverse"),
    }
)
Operator = Callable[..., Any]


@dataclass(frozen=True)
class _Pair:
    """The operators of one family."""

    forward: Operator
    backward: Operator


def _define(family: str) -> _Pair:
    table, choices, states = FAMILIES[family], CHOICES[family], STATES[family]
    arrays = [f"Tensor{'?' if field.optional else ''} {name}" for name, field in table.items()]
    words = [f"{'bool' if name == 'reverse' else 'str'} {name}" for name in choices]
    words.append("str products")
    cotangents = [f"Tensor? d_{name}" for name in ("y", *states)]
    shared = ", ".join(arrays + words)
    outputs = ", ".join(["Tensor"] * (len(states) + 2))
    count = len(table)

    def recipe_of(words: tuple[Any, ...], **more: Any) -> native.Recipe:
        *chosen, products = words
        return native.Recipe(family, dict(zip(choices, chosen, strict=True)), products, **more)

    @torch.library.custom_op(
        f"recurra::{family}", mutates_args=(), schema=f"({shared}, bool keep) -> ({outputs})"
    )
    def forward(*args: Any) -> tuple[Tensor, ...]:
        return native.forward(recipe_of(args[count:-1], keep=args[-1]), args[:count])

    @forward.register_fake
    def _(*args: Any) -> tuple[Tensor, ...]:
        recipe = recipe_of(args[count:-1], keep=args[-1])
        return native.empty(recipe.call(args[:count]), args[-1])

    @torch.library.custom_op(
        f"recurra::{family}_backward",
        mutates_args=(),
        schema=f"(Tensor kept, {', '.join(cotangents)}, {shared}, str[] wanted) -> Tensor[]",
    )
    def backward(kept: Tensor, *args: Any) -> list[Tensor]:
        split = 1 + len(states)
        recipe = recipe_of(args[split + count : -1], wanted=tuple(args[-1]))
        return list(native.backward(recipe, kept, args[:split], args[split : split + count]))

    @backward.register_fake
    def _(_kept: Tensor, *args: Any) -> list[Tensor]:
        split = 1 + len(states)
        named = dict(zip(table, args[split : split + count], strict=True))
        return [
            torch.empty_like(named[name], memory_format=torch.contiguous_format)
            for name in args[-1]
        ]

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.words = inputs[count:-1]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[-1], *inputs[:count])

    def differentiate(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        kept, *inputs = ctx.saved_tensors
        needed = ctx.needs_input_grad[:count]
        wanted = [name for name, need in zip(table, needed, strict=True) if need]
        gradients = iter(backward(kept, *cotangents[:-1], *inputs, *ctx.words, wanted))
        # The words and `keep` have no gradient.
        rest = (None,) * (len(ctx.words) + 1)
        return *(next(gradients) if need else None for need in needed), *rest

    forward.register_autograd(differentiate, setup_context=setup_context)
    return _Pair(forward, backward)


OPERATORS: Mapping[str, _Pair] = MappingProxyType({family: _define(family) for family in FAMILIES})


def run(call: Call) -> tuple[Tensor, ...]:
    """Outputs and final states, as `recurra.ops` gives them."""
    words = [*(call.choices[name] for name in CHOICES[call.family]), call.products]
    outputs: tuple[Tensor, ...] = OPERATORS[call.family].forward(
        *call.arrays.values(), *words, native.needs_gradient(call)
    )
    return outputs[:-1]
