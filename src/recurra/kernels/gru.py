"""The gated recurrent unit, one layer, one direction, in numpy.

    r_t = s(W_r x_t + b_r + U_r h_{t-1} + c_r)
    z_t = s(W_z x_t + b_z + U_z h_{t-1} + c_z)
    after:  n_t = f(W_n x_t + b_n + r_t * (U_n h_{t-1} + c_n))
    before: n_t = f(W_n x_t + b_n + U_n (r_t * h_{t-1}) + c_n)
    none:   n_t = f(W_n x_t + b_n + U_n h_{t-1} + c_n)
    h_t = h_{t-1} + z_t * (n_t - h_{t-1})

Source: Cho et al. 2014, arXiv:1406.1078 (before); Chung et al. 2014, arXiv:1412.3555, eq. 3-6.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from recurra.kernels import call
from recurra.kernels.call import Array

__all__ = ["GRUForward", "GRUGradients", "Packed", "backward", "forward", "step", "workspace"]


class GRUForward(NamedTuple):
    """Outputs y [B, T, H], the last state h [B, H], and with `keep` what backward needs."""

    y: Array
    h: Array
    kept: Array | None


class GRUGradients(NamedTuple):
    """One gradient for each differentiable field of the call; None where the field was absent."""

    x: Array
    h0: Array
    input_weight: Array
    recurrent_weight: Array
    input_bias: Array | None
    recurrent_bias: Array | None
    start_h: Array | None
    decay: Array | None


class Packed:
    """Weights put in the kernels' order once, for many calls; later changes to them are not seen.

    Args:
        input_weight: [G*H, I], the gates reset, update, candidate stacked ("none": without reset).
        recurrent_weight: [G*H, H].
        input_bias: [G*H]; None: zero.
        recurrent_bias: [G*H]; None: zero.
        reset: "after", "before" or "none".
        activation: Of the candidate.
        gate_activation: Of the gates.
        products: "float32": of x's own element type; "bfloat16": factors rounded to it,
            sums in float32.

    Raises:
        ShapeError: the weights do not fit each other.
        DTypeError: they are not all float32 or all float64.
        SpecError: a choice is not one of its words.
        BackendError: products of bfloat16, where nothing here computes them.
    """

    def __init__(
        self,
        input_weight: Array,
        recurrent_weight: Array,
        input_bias: Array | None = None,
        recurrent_bias: Array | None = None,
        *,
        reset: str = "after",
        activation: str = "tanh",
        gate_activation: str = "sigmoid",
        products: str = "float32",
    ) -> None:
        self._layer = call.Layer(
            "gru",
            {
                "input_weight": input_weight,
                "recurrent_weight": recurrent_weight,
                "input_bias": input_bias,
                "recurrent_bias": recurrent_bias,
            },
            reset=reset,
            activation=activation,
            gate_activation=gate_activation,
            products=products,
        )

    def prepared(self) -> Any:
        """The extension's own handle on the packed weights, for `kernels.stream.Program`."""
        return self._layer.prepared()

    def forward(
        self,
        x: Array,
        h0: Array,
        *,
        lengths: Array | None = None,
        valid: Array | None = None,
        starts: Array | None = None,
        start_h: Array | None = None,
        zoneout_h: Array | None = None,
        recurrent_dropout: Array | None = None,
        decay: Array | None = None,
        reverse: bool = False,
        threads: int = 0,
        keep: bool = False,
    ) -> GRUForward:
        """Run the whole sequence; the arguments are those of `forward`."""
        arrays = {
            "x": x,
            "h0": h0,
            "lengths": lengths,
            "valid": valid,
            "starts": starts,
            "start_h": start_h,
            "zoneout_h": zoneout_h,
            "recurrent_dropout": recurrent_dropout,
            "decay": decay,
        }
        y, (h,), kept = self._layer.forward(arrays, reverse=reverse, threads=threads, keep=keep)
        return GRUForward(y, h, kept)

    def step(
        self,
        x: Array,
        h: Array,
        *,
        valid: Array | None = None,
        starts: Array | None = None,
        start_h: Array | None = None,
        zoneout_h: Array | None = None,
        recurrent_dropout: Array | None = None,
        decay: Array | None = None,
        out: Array | None = None,
        threads: int = 1,
    ) -> Array:
        """Run one step; the arguments are those of `step`."""
        given = {
            "valid": valid,
            "starts": starts,
            "start_h": start_h,
            "zoneout_h": zoneout_h,
            "recurrent_dropout": recurrent_dropout,
            "decay": decay,
        }
        return self._layer.step(x, (h,), given, None if out is None else (out,), threads)[0]


def forward(
    x: Array,
    h0: Array,
    input_weight: Array,
    recurrent_weight: Array,
    input_bias: Array | None = None,
    recurrent_bias: Array | None = None,
    *,
    reset: str = "after",
    activation: str = "tanh",
    gate_activation: str = "sigmoid",
    products: str = "float32",
    lengths: Array | None = None,
    valid: Array | None = None,
    starts: Array | None = None,
    start_h: Array | None = None,
    zoneout_h: Array | None = None,
    recurrent_dropout: Array | None = None,
    decay: Array | None = None,
    reverse: bool = False,
    threads: int = 0,
    keep: bool = False,
) -> GRUForward:
    """Run one layer over whole sequences.

    Args:
        x: Inputs [B, T, I], float32 or float64 (one for the whole call), any strides.
        h0: State before the first step, [B, H].
        input_weight: [G*H, I].
        recurrent_weight: [G*H, H].
        input_bias: [G*H]; None: zero.
        recurrent_bias: [G*H]; None: zero.
        reset: "after", "before" or "none".
        activation: Of the candidate.
        gate_activation: Of the gates.
        products: "float32": of x's own element type; "bfloat16": factors rounded to it,
            sums in float32.
        lengths: Steps of each row that are not padding, [B] int64; None: all T.
        valid: [B, T] bool; False holds the state and repeats the output.
        starts: [B, T] bool; True begins from start_h at that step.
        start_h: [B, H]; None: zero.
        zoneout_h: The share of the new value that a step takes, [B, T, H].
        recurrent_dropout: Multiplies h_{t-1} ahead of the recurrent product, [B, T, H].
        decay: Multiplies h_{t-1} wherever step t reads it, [B, T, H].
        reverse: From each row's last step to its first.
        threads: At most so many; 0: one for each processor. Small work takes fewer.
        keep: Also give what `backward` needs.

    Returns:
        Outputs [B, T, H], zero beyond `lengths`; the state after the last valid step; kept or None.

    Raises:
        ShapeError: an array is missing or an axis differs, or a length is not in 0..T.
        DTypeError: an array's element type does not fit.
        BackendError: `keep`, where the native kernels were not built, or products of bfloat16 where
            nothing here computes them.
    """
    packed = Packed(
        input_weight,
        recurrent_weight,
        input_bias,
        recurrent_bias,
        reset=reset,
        activation=activation,
        gate_activation=gate_activation,
        products=products,
    )
    return packed.forward(
        x,
        h0,
        lengths=lengths,
        valid=valid,
        starts=starts,
        start_h=start_h,
        zoneout_h=zoneout_h,
        recurrent_dropout=recurrent_dropout,
        decay=decay,
        reverse=reverse,
        threads=threads,
        keep=keep,
    )


def backward(
    kept: Array,
    dy: Array,
    dh: Array,
    x: Array,
    h0: Array,
    input_weight: Array,
    recurrent_weight: Array,
    input_bias: Array | None = None,
    recurrent_bias: Array | None = None,
    *,
    reset: str = "after",
    activation: str = "tanh",
    gate_activation: str = "sigmoid",
    products: str = "float32",
    lengths: Array | None = None,
    valid: Array | None = None,
    starts: Array | None = None,
    start_h: Array | None = None,
    zoneout_h: Array | None = None,
    recurrent_dropout: Array | None = None,
    decay: Array | None = None,
    reverse: bool = False,
    threads: int = 0,
) -> GRUGradients:
    """Give the gradient of every differentiable field; the sums over time and rows go in pairs.

    Args:
        kept: What `forward` gave with `keep`, for the same arrays and choices.
        dy: Gradient of y, [B, T, H]; beyond `lengths` it is not read.
        dh: Gradient of the last state, [B, H].
        x: As given to `forward`, and so are all others.

    Raises:
        ShapeError: an array does not fit, or `kept` has another length.
        BackendError: the native kernels were not built.
    """
    layer = call.Layer(
        "gru",
        {
            "input_weight": input_weight,
            "recurrent_weight": recurrent_weight,
            "input_bias": input_bias,
            "recurrent_bias": recurrent_bias,
        },
        reset=reset,
        activation=activation,
        gate_activation=gate_activation,
        products=products,
        pack=False,
    )
    arrays = {
        "x": x,
        "h0": h0,
        "lengths": lengths,
        "valid": valid,
        "starts": starts,
        "start_h": start_h,
        "zoneout_h": zoneout_h,
        "recurrent_dropout": recurrent_dropout,
        "decay": decay,
    }
    gradients = layer.backward(kept, (dy, dh), arrays, reverse=reverse, threads=threads)
    return GRUGradients(**{name: gradients[name] for name in GRUGradients._fields})


def step(
    x: Array,
    h: Array,
    input_weight: Array,
    recurrent_weight: Array,
    input_bias: Array | None = None,
    recurrent_bias: Array | None = None,
    *,
    reset: str = "after",
    activation: str = "tanh",
    gate_activation: str = "sigmoid",
    products: str = "float32",
    valid: Array | None = None,
    starts: Array | None = None,
    start_h: Array | None = None,
    zoneout_h: Array | None = None,
    recurrent_dropout: Array | None = None,
    decay: Array | None = None,
    out: Array | None = None,
    threads: int = 0,
) -> Array:
    """Run one step; `Packed.step` does the same without packing the weights each time.

    Args:
        x: [B, I].
        h: [B, H].
        input_weight: As for `forward`, and so are the other weights and the choices.
        valid: [B] bool.
        starts: [B] bool.
        start_h: [B, H].
        zoneout_h: [B, H], and so are recurrent_dropout and decay.
        out: Where to write the state, [B, H]; it may be h itself. None: a new array.
        threads: As for `forward`.

    Returns:
        The state after the step, [B, H]: the same bits as `forward` gives.
    """
    packed = Packed(
        input_weight,
        recurrent_weight,
        input_bias,
        recurrent_bias,
        reset=reset,
        activation=activation,
        gate_activation=gate_activation,
        products=products,
    )
    return packed.step(
        x,
        h,
        valid=valid,
        starts=starts,
        start_h=start_h,
        zoneout_h=zoneout_h,
        recurrent_dropout=recurrent_dropout,
        decay=decay,
        out=out,
        threads=threads,
    )


def workspace(
    batch: int, time: int, units: int, *, reset: str = "after", dtype: str = "float32"
) -> int:
    """How many values `forward` keeps for `backward`: the length of `kept`."""
    return call.workspace("gru", batch, time, units, reset=reset, dtype=dtype)
