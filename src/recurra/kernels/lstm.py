"""The long short-term memory, one layer, one direction, without peepholes, in numpy.

    i_t, f_t, o_t = s(W x_t + b + U h_{t-1} + c), each with its own block of rows
    g_t = a(W_g x_t + b_g + U_g h_{t-1} + c_g)
    c_new = f_t * c_{t-1} + i_t * g_t
    c_t = c_{t-1} + share_c * (c_new - c_{t-1})        (share: zoneout_c, zoneout_h; 1 where absent)
    h_t = h_{t-1} + share_h * (o_t * a(c_new) - h_{t-1})

Source: Hochreiter & Schmidhuber 1997; Gers et al. 2000; zoneout: Krueger et al. 2017,
arXiv:1606.01305.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from recurra.kernels import call
from recurra.kernels.call import Array

__all__ = [
    "LSTMForward",
    "LSTMGradients",
    "LSTMStates",
    "Packed",
    "backward",
    "forward",
    "step",
    "workspace",
]


class LSTMForward(NamedTuple):
    """Outputs y [B, T, H], the last states h, c [B, H], and with `keep` what backward needs."""

    y: Array
    h: Array
    c: Array
    kept: Array | None


class LSTMStates(NamedTuple):
    """The two states after a step, each [B, H]."""

    h: Array
    c: Array


class LSTMGradients(NamedTuple):
    """One gradient for each differentiable field of the call; None where the field was absent."""

    x: Array
    h0: Array
    c0: Array
    input_weight: Array
    recurrent_weight: Array
    input_bias: Array | None
    recurrent_bias: Array | None
    start_h: Array | None
    start_c: Array | None


class Packed:
    """Weights put in the kernels' order once, for many calls; later changes to them are not seen.

    Args:
        input_weight: [G*H, I], the gates input, forget, cell, output stacked.
        recurrent_weight: [G*H, H].
        input_bias: [G*H]; None: zero.
        recurrent_bias: [G*H]; None: zero.
        activation: Of the candidate and of the output.
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
        activation: str = "tanh",
        gate_activation: str = "sigmoid",
        products: str = "float32",
    ) -> None:
        self._layer = call.Layer(
            "lstm",
            {
                "input_weight": input_weight,
                "recurrent_weight": recurrent_weight,
                "input_bias": input_bias,
                "recurrent_bias": recurrent_bias,
            },
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
        c0: Array,
        *,
        lengths: Array | None = None,
        valid: Array | None = None,
        starts: Array | None = None,
        start_h: Array | None = None,
        start_c: Array | None = None,
        zoneout_h: Array | None = None,
        zoneout_c: Array | None = None,
        recurrent_dropout: Array | None = None,
        reverse: bool = False,
        threads: int = 0,
        keep: bool = False,
    ) -> LSTMForward:
        """Run the whole sequence; the arguments are those of `forward`."""
        arrays = {
            "x": x,
            "h0": h0,
            "c0": c0,
            "lengths": lengths,
            "valid": valid,
            "starts": starts,
            "start_h": start_h,
            "start_c": start_c,
            "zoneout_h": zoneout_h,
            "zoneout_c": zoneout_c,
            "recurrent_dropout": recurrent_dropout,
        }
        y, (h, c), kept = self._layer.forward(arrays, reverse=reverse, threads=threads, keep=keep)
        return LSTMForward(y, h, c, kept)

    def step(
        self,
        x: Array,
        h: Array,
        c: Array,
        *,
        valid: Array | None = None,
        starts: Array | None = None,
        start_h: Array | None = None,
        start_c: Array | None = None,
        zoneout_h: Array | None = None,
        zoneout_c: Array | None = None,
        recurrent_dropout: Array | None = None,
        out: tuple[Array, Array] | None = None,
        threads: int = 1,
    ) -> LSTMStates:
        """Run one step; the arguments are those of `step`."""
        given = {
            "valid": valid,
            "starts": starts,
            "start_h": start_h,
            "start_c": start_c,
            "zoneout_h": zoneout_h,
            "zoneout_c": zoneout_c,
            "recurrent_dropout": recurrent_dropout,
        }
        return LSTMStates(*self._layer.step(x, (h, c), given, out, threads))


def forward(
    x: Array,
    h0: Array,
    c0: Array,
    input_weight: Array,
    recurrent_weight: Array,
    input_bias: Array | None = None,
    recurrent_bias: Array | None = None,
    *,
    activation: str = "tanh",
    gate_activation: str = "sigmoid",
    products: str = "float32",
    lengths: Array | None = None,
    valid: Array | None = None,
    starts: Array | None = None,
    start_h: Array | None = None,
    start_c: Array | None = None,
    zoneout_h: Array | None = None,
    zoneout_c: Array | None = None,
    recurrent_dropout: Array | None = None,
    reverse: bool = False,
    threads: int = 0,
    keep: bool = False,
) -> LSTMForward:
    """Run one layer over whole sequences.

    Args:
        x: Inputs [B, T, I], float32 or float64 (one for the whole call), any strides.
        h0: h before the first step, [B, H].
        c0: c before the first step, [B, H].
        input_weight: [G*H, I].
        recurrent_weight: [G*H, H].
        input_bias: [G*H]; None: zero.
        recurrent_bias: [G*H]; None: zero.
        activation: Of the candidate and of the output.
        gate_activation: Of the gates.
        products: "float32": of x's own element type; "bfloat16": factors rounded to it,
            sums in float32.
        lengths: Steps of each row that are not padding, [B] int64; None: all T.
        valid: [B, T] bool; False holds the state and repeats the output.
        starts: [B, T] bool; True begins from start_h at that step.
        start_h: [B, H]; None: zero.
        start_c: [B, H]; None: zero.
        zoneout_h: The share of the new h that a step takes, [B, T, H].
        zoneout_c: The share of the new c, [B, T, H].
        recurrent_dropout: Multiplies h_{t-1} ahead of the recurrent product, [B, T, H].
        reverse: From each row's last step to its first.
        threads: At most so many; 0: one for each processor. Small work takes fewer.
        keep: Also give what `backward` needs.

    Returns:
        Outputs [B, T, H], zero beyond `lengths`; the states after the last valid step; kept.

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
        activation=activation,
        gate_activation=gate_activation,
        products=products,
    )
    return packed.forward(
        x,
        h0,
        c0,
        lengths=lengths,
        valid=valid,
        starts=starts,
        start_h=start_h,
        start_c=start_c,
        zoneout_h=zoneout_h,
        zoneout_c=zoneout_c,
        recurrent_dropout=recurrent_dropout,
        reverse=reverse,
        threads=threads,
        keep=keep,
    )


def backward(
    kept: Array,
    dy: Array,
    dh: Array,
    dc: Array,
    x: Array,
    h0: Array,
    c0: Array,
    input_weight: Array,
    recurrent_weight: Array,
    input_bias: Array | None = None,
    recurrent_bias: Array | None = None,
    *,
    activation: str = "tanh",
    gate_activation: str = "sigmoid",
    products: str = "float32",
    lengths: Array | None = None,
    valid: Array | None = None,
    starts: Array | None = None,
    start_h: Array | None = None,
    start_c: Array | None = None,
    zoneout_h: Array | None = None,
    zoneout_c: Array | None = None,
    recurrent_dropout: Array | None = None,
    reverse: bool = False,
    threads: int = 0,
) -> LSTMGradients:
    """Give the gradient of every differentiable field; the sums over time and rows go in pairs.

    Args:
        kept: What `forward` gave with `keep`, for the same arrays and choices.
        dy: Gradient of y, [B, T, H]; beyond `lengths` it is not read.
        dh: Gradient of the last h, [B, H].
        dc: Gradient of the last c, [B, H].
        x: As given to `forward`, and so are all others.

    Raises:
        ShapeError: an array does not fit, or `kept` has another length.
        BackendError: the native kernels were not built.
    """
    layer = call.Layer(
        "lstm",
        {
            "input_weight": input_weight,
            "recurrent_weight": recurrent_weight,
            "input_bias": input_bias,
            "recurrent_bias": recurrent_bias,
        },
        activation=activation,
        gate_activation=gate_activation,
        products=products,
        pack=False,
    )
    arrays = {
        "x": x,
        "h0": h0,
        "c0": c0,
        "lengths": lengths,
        "valid": valid,
        "starts": starts,
        "start_h": start_h,
        "start_c": start_c,
        "zoneout_h": zoneout_h,
        "zoneout_c": zoneout_c,
        "recurrent_dropout": recurrent_dropout,
    }
    gradients = layer.backward(kept, (dy, dh, dc), arrays, reverse=reverse, threads=threads)
    return LSTMGradients(**{name: gradients[name] for name in LSTMGradients._fields})


def step(
    x: Array,
    h: Array,
    c: Array,
    input_weight: Array,
    recurrent_weight: Array,
    input_bias: Array | None = None,
    recurrent_bias: Array | None = None,
    *,
    activation: str = "tanh",
    gate_activation: str = "sigmoid",
    products: str = "float32",
    valid: Array | None = None,
    starts: Array | None = None,
    start_h: Array | None = None,
    start_c: Array | None = None,
    zoneout_h: Array | None = None,
    zoneout_c: Array | None = None,
    recurrent_dropout: Array | None = None,
    out: tuple[Array, Array] | None = None,
    threads: int = 0,
) -> LSTMStates:
    """Run one step; `Packed.step` does the same without packing the weights each time.

    Args:
        x: [B, I].
        h: [B, H].
        c: [B, H].
        input_weight: As for `forward`, and so are the other weights and the choices.
        valid: [B] bool.
        starts: [B] bool.
        start_h: [B, H], and start_c.
        zoneout_h: [B, H], and so are zoneout_c and recurrent_dropout.
        out: Where to write h and c, each [B, H]; they may be h and c themselves. None: new arrays.
        threads: As for `forward`.

    Returns:
        The states h, c after the step, each [B, H]: the same bits as `forward` gives.
    """
    packed = Packed(
        input_weight,
        recurrent_weight,
        input_bias,
        recurrent_bias,
        activation=activation,
        gate_activation=gate_activation,
        products=products,
    )
    return packed.step(
        x,
        h,
        c,
        valid=valid,
        starts=starts,
        start_h=start_h,
        start_c=start_c,
        zoneout_h=zoneout_h,
        zoneout_c=zoneout_c,
        recurrent_dropout=recurrent_dropout,
        out=out,
        threads=threads,
    )


def workspace(batch: int, time: int, units: int, *, dtype: str = "float32") -> int:
    """How many values `forward` keeps for `backward`: the length of `kept`."""
    return call.workspace("lstm", batch, time, units, dtype=dtype)
