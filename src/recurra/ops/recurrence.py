"""The public functions: one for each family, and `why`."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from torch import Tensor

from recurra.errors import SpecError
from recurra.ops import choice, reference
from recurra.ops.call import Call
from recurra.ops.choice import Choice
from recurra.spec.cells import CELLS, Activation, Reset

__all__ = ["Backend", "Products", "gru", "lstm", "mingru", "rnn", "why"]

Backend = Literal["auto", "native", "torch", "reference"]
Products = Literal["auto", "float32", "bfloat16"]


def gru(
    x: Tensor,
    h0: Tensor,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor | None = None,
    recurrent_bias: Tensor | None = None,
    *,
    reset: Reset = "after",
    activation: Activation = "tanh",
    gate_activation: Activation = "sigmoid",
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
    start_h: Tensor | None = None,
    zoneout_h: Tensor | None = None,
    recurrent_dropout: Tensor | None = None,
    decay: Tensor | None = None,
    reverse: bool = False,
    backend: Backend = "auto",
    products: Products = "auto",
) -> tuple[Tensor, Tensor]:
    """The gated recurrent unit over a sequence.

        h_t = h_{t-1} + z_t * (n_t - h_{t-1})

    Args:
        x: Inputs, [B, T, I], float32 or float64; every real array has the same dtype.
        h0: The state that enters at step 0 (reverse: at length - 1), [B, H].
        input_weight: [G*H, I]: reset, update, candidate; reset="none": update, candidate.
        recurrent_weight: [G*H, H].
        input_bias: [G*H], or None.
        recurrent_bias: [G*H], or None.
        reset: Where the reset gate acts: on the recurrent product, before it, or nowhere.
        activation: Of the candidate.
        gate_activation: Of the gates.
        lengths: Valid steps of each row, [B], int64, 0 <= length <= T. None: all T.
        valid: False holds the state and repeats the output, [B, T], bool.
        starts: True begins a segment at that step (reverse: after it), [B, T], bool.
        start_h: The state with which a segment begins, [B, H]. None: zero.
        zoneout_h: The share of the new value that a step takes, [B, T, H].
        recurrent_dropout: Multiplies h_{t-1} ahead of the recurrent product only, [B, T, H].
        decay: Multiplies h_{t-1} wherever it is read, [B, T, H]; skipped steps do not decay.
        reverse: Run from the last step to the first.
        backend: What computes it; "auto" chooses, and `why` tells.
        products: "bfloat16" rounds their factors and sums in float32, "float32" does not; "auto"
            rounds where autocast to bfloat16 or torch.set_float32_matmul_precision("medium") asks
            for it and it can be computed.

    Returns:
        Outputs [B, T, H], zero beyond `lengths`; the state after the last valid step, [B, H].

    Raises:
        SpecError: reset or an activation is not one that there is.
        ShapeError: names the axis, what was expected and what came.
        DTypeError: an array's dtype is not one that the call takes.
        BackendError: the named backend cannot do this case; says why.

    Source: Cho et al. 2014, arXiv:1406.1078 (before); Chung et al. 2014, arXiv:1412.3555, eq. 3-6.
    """
    arrays = {
        "x": x,
        "h0": h0,
        "input_weight": input_weight,
        "recurrent_weight": recurrent_weight,
        "input_bias": input_bias,
        "recurrent_bias": recurrent_bias,
        "lengths": lengths,
        "valid": valid,
        "starts": starts,
        "start_h": start_h,
        "zoneout_h": zoneout_h,
        "recurrent_dropout": recurrent_dropout,
        "decay": decay,
    }
    choices = {
        "reset": reset,
        "activation": activation,
        "gate_activation": gate_activation,
        "reverse": reverse,
    }
    y, h = choice.run(Call("gru", arrays, choices, products), backend)
    return y, h


def lstm(
    x: Tensor,
    h0: Tensor,
    c0: Tensor,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor | None = None,
    recurrent_bias: Tensor | None = None,
    *,
    activation: Activation = "tanh",
    gate_activation: Activation = "sigmoid",
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
    start_h: Tensor | None = None,
    start_c: Tensor | None = None,
    zoneout_h: Tensor | None = None,
    zoneout_c: Tensor | None = None,
    recurrent_dropout: Tensor | None = None,
    reverse: bool = False,
    backend: Backend = "auto",
    products: Products = "auto",
) -> tuple[Tensor, Tensor, Tensor]:
    """The long short-term memory over a sequence.

        c_t = f_t * c_{t-1} + i_t * g_t
        h_t = o_t * a(c_t)

    Args:
        x: Inputs, [B, T, I], float32 or float64; every real array has the same dtype.
        h0: The output state that enters at step 0 (reverse: at length - 1), [B, H].
        c0: The cell state that enters there, [B, H].
        input_weight: [4*H, I]: input, forget, cell, output.
        recurrent_weight: [4*H, H].
        input_bias: [4*H], or None.
        recurrent_bias: [4*H], or None.
        activation: Of the cell's candidate and of c in the output.
        gate_activation: Of the gates.
        lengths: Valid steps of each row, [B], int64, 0 <= length <= T. None: all T.
        valid: False holds the state and repeats the output, [B, T], bool.
        starts: True begins a segment at that step (reverse: after it), [B, T], bool.
        start_h: h with which a segment begins, [B, H]. None: zero.
        start_c: c with which a segment begins, [B, H]. None: zero.
        zoneout_h: The share of the new h that a step takes, [B, T, H].
        zoneout_c: The share of the new c that a step takes, [B, T, H].
        recurrent_dropout: Multiplies h_{t-1} ahead of the recurrent product only, [B, T, H].
        reverse: Run from the last step to the first.
        backend: What computes it; "auto" chooses, and `why` tells.
        products: "bfloat16" rounds their factors and sums in float32, "float32" does not; "auto"
            rounds where autocast to bfloat16 or torch.set_float32_matmul_precision("medium") asks
            for it and it can be computed.

    Returns:
        Outputs [B, T, H], zero beyond `lengths`; h and c after the last valid step, [B, H].

    Raises: as `gru`.

    Source: Hochreiter & Schmidhuber 1997; Gers et al. 2000 (the forget gate).
    """
    arrays = {
        "x": x,
        "h0": h0,
        "c0": c0,
        "input_weight": input_weight,
        "recurrent_weight": recurrent_weight,
        "input_bias": input_bias,
        "recurrent_bias": recurrent_bias,
        "lengths": lengths,
        "valid": valid,
        "starts": starts,
        "start_h": start_h,
        "start_c": start_c,
        "zoneout_h": zoneout_h,
        "zoneout_c": zoneout_c,
        "recurrent_dropout": recurrent_dropout,
    }
    choices = {"activation": activation, "gate_activation": gate_activation, "reverse": reverse}
    y, h, c = choice.run(Call("lstm", arrays, choices, products), backend)
    return y, h, c


def rnn(
    x: Tensor,
    h0: Tensor,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor | None = None,
    recurrent_bias: Tensor | None = None,
    *,
    activation: Activation = "tanh",
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
    start_h: Tensor | None = None,
    zoneout_h: Tensor | None = None,
    recurrent_dropout: Tensor | None = None,
    reverse: bool = False,
    backend: Backend = "auto",
    products: Products = "auto",
) -> tuple[Tensor, Tensor]:
    """The simple recurrent network over a sequence.

        h_t = f(W x_t + b + U h_{t-1} + c)

    Args:
        x: Inputs, [B, T, I], float32 or float64; every real array has the same dtype.
        h0: The state that enters at step 0 (reverse: at length - 1), [B, H].
        input_weight: [H, I].
        recurrent_weight: [H, H].
        input_bias: [H], or None.
        recurrent_bias: [H], or None.
        activation: f.
        lengths: Valid steps of each row, [B], int64, 0 <= length <= T. None: all T.
        valid: False holds the state and repeats the output, [B, T], bool.
        starts: True begins a segment at that step (reverse: after it), [B, T], bool.
        start_h: The state with which a segment begins, [B, H]. None: zero.
        zoneout_h: The share of the new value that a step takes, [B, T, H].
        recurrent_dropout: Multiplies h_{t-1} ahead of the recurrent product only, [B, T, H].
        reverse: Run from the last step to the first.
        backend: What computes it; "auto" chooses, and `why` tells.
        products: "bfloat16" rounds their factors and sums in float32, "float32" does not; "auto"
            rounds where autocast to bfloat16 or torch.set_float32_matmul_precision("medium") asks
            for it and it can be computed.

    Returns:
        Outputs [B, T, H], zero beyond `lengths`; the state after the last valid step, [B, H].

    Raises: as `gru`.

    Source: Elman 1990.
    """
    arrays = {
        "x": x,
        "h0": h0,
        "input_weight": input_weight,
        "recurrent_weight": recurrent_weight,
        "input_bias": input_bias,
        "recurrent_bias": recurrent_bias,
        "lengths": lengths,
        "valid": valid,
        "starts": starts,
        "start_h": start_h,
        "zoneout_h": zoneout_h,
        "recurrent_dropout": recurrent_dropout,
    }
    choices = {"activation": activation, "reverse": reverse}
    y, h = choice.run(Call("rnn", arrays, choices, products), backend)
    return y, h


def mingru(
    x: Tensor,
    h0: Tensor,
    input_weight: Tensor,
    input_bias: Tensor | None = None,
    *,
    activation: Activation = "identity",
    gate_activation: Activation = "sigmoid",
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
    start_h: Tensor | None = None,
    zoneout_h: Tensor | None = None,
    reverse: bool = False,
    backend: Backend = "auto",
    products: Products = "auto",
) -> tuple[Tensor, Tensor]:
    """The minimal GRU over a sequence: its gates read the input alone.

        z_t = s(W_z x_t + b_z)
        n_t = f(W_n x_t + b_n)
        h_t = h_{t-1} + z_t * (n_t - h_{t-1})

    Args:
        x: Inputs, [B, T, I], float32 or float64; every real array has the same dtype.
        h0: The state that enters at step 0 (reverse: at length - 1), [B, H].
        input_weight: [2*H, I]: update, candidate.
        input_bias: [2*H], or None.
        activation: f, of the candidate.
        gate_activation: s, of the update gate.
        lengths: Valid steps of each row, [B], int64, 0 <= length <= T. None: all T.
        valid: False holds the state and repeats the output, [B, T], bool.
        starts: True begins a segment at that step (reverse: after it), [B, T], bool.
        start_h: The state with which a segment begins, [B, H]. None: zero.
        zoneout_h: The share of the new value that a step takes, [B, T, H].
        reverse: Run from the last step to the first.
        backend: What computes it; "auto" chooses, and `why` tells.
        products: "bfloat16" rounds their factors and sums in float32, "float32" does not; "auto"
            rounds where autocast to bfloat16 or torch.set_float32_matmul_precision("medium") asks
            for it and it can be computed.

    Returns:
        Outputs [B, T, H], zero beyond `lengths`; the state after the last valid step, [B, H].

    Raises: as `gru`.

    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1: the vanilla form, in linear space.
    """
    arguments = {
        "x": x,
        "h0": h0,
        "input_weight": input_weight,
        "input_bias": input_bias,
        "activation": activation,
        "gate_activation": gate_activation,
        "lengths": lengths,
        "valid": valid,
        "starts": starts,
        "start_h": start_h,
        "zoneout_h": zoneout_h,
        "reverse": reverse,
    }
    y, h = choice.run(Call.of("scan", arguments, products), backend)
    return y, h


def why(
    cell: str,
    *arrays: Any,
    backend: Backend = "auto",
    products: Products = "auto",
    **more: Any,
) -> Choice:
    """Which backend would compute this call, and why not the others; computes nothing.

    Args:
        cell: The function's name: "gru", "lstm", "rnn" or "mingru".
        arrays: Its arguments, as it takes them.
        backend: As the function takes it.
        products: As the function takes it.
        more: Its keyword arguments.

    Returns:
        `backend`, `reasons` (why not, for each other one) and `notes`; `str` makes it a sentence.

    Raises: as the function; SpecError where there is none of that name.
    """
    if cell not in CELLS:
        raise SpecError(f"why expected one of {', '.join(CELLS)}; got {cell!r}")
    bound = inspect.signature(getattr(reference, cell)).bind(*arrays, **more)
    bound.apply_defaults()
    call = Call.of(CELLS[cell].family, bound.arguments, products)
    return choice.choose(choice.prepare(call, backend), backend)
