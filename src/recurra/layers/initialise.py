"""Initial values of a cell's parameters by name, gate by gate.

Each gate's block of rows is drawn on its own, from its own sizes: a stacked weight [G*H, H] is no
orthogonal matrix, its blocks [H, H] are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from recurra.errors import SpecError
from recurra.spec.cells import AbstractCell

__all__ = ["BiasInit", "InitGain", "Initialisers", "InputInit", "RecurrentInit", "initialise"]

InputInit = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "uniform"]
RecurrentInit = Literal["orthogonal", "identity", "glorot_uniform", "glorot_normal", "uniform"]
BiasInit = Literal["zeros", "gate", "chrono"]
InitGain = Literal["none", "activation"]


def _uniform(block: Tensor) -> None:
    # PyTorch's own choice for its recurrent layers: the limit knows H alone.
    nn.init.uniform_(block, -(len(block) ** -0.5), len(block) ** -0.5)


def _he_uniform(block: Tensor) -> None:
    nn.init.kaiming_uniform_(block, nonlinearity="relu")


def _he_normal(block: Tensor) -> None:
    nn.init.kaiming_normal_(block, nonlinearity="relu")


_INPUT: Mapping[str, Callable[[Tensor], object]] = {
    "glorot_uniform": nn.init.xavier_uniform_,
    "glorot_normal": nn.init.xavier_normal_,
    "he_uniform": _he_uniform,
    "he_normal": _he_normal,
    "uniform": _uniform,
}
_RECURRENT: Mapping[str, Callable[[Tensor], object]] = {
    "orthogonal": nn.init.orthogonal_,
    "identity": nn.init.eye_,
    "glorot_uniform": nn.init.xavier_uniform_,
    "glorot_normal": nn.init.xavier_normal_,
    "uniform": _uniform,
}
_BIAS = ("zeros", "gate", "chrono")
_GAINS = ("none", "activation")
# What keeps the variance of an activation's output near that of its input; of the others it is 1.
_GAIN_OF = {"tanh": 5 / 3, "relu": math.sqrt(2.0)}
# Those that are made for any network; identity and uniform say exactly what they are.
_SCALED = ("glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "orthogonal")
# He's own is relu's gain: another activation's takes its place.
_HE = ("he_uniform", "he_normal")


@dataclass(frozen=True, kw_only=True)
class Initialisers:
    """Which initial values a cell's parameters get.

        glorot_uniform  U(-a, a), a = sqrt(6 / (H + fan_in))     (Glorot & Bengio 2010)
        glorot_normal   N(0, 2 / (H + fan_in))
        he_uniform      U(-a, a), a = sqrt(6 / fan_in)           (He et al. 2015)
        he_normal       N(0, 2 / fan_in)
        uniform         U(-a, a), a = 1 / sqrt(H)                (PyTorch's recurrent layers)
        orthogonal      uniform over the orthogonal matrices     (Saxe et al. 2014)
        identity        I; with relu an IRNN                     (Le et al. 2015)

    fan_in is I for input weights and H for recurrent ones. With init_gain="activation" the glorot,
    he and orthogonal weights of each gate are multiplied by the gain of its activation: tanh 5/3,
    relu sqrt(2), others 1 (as `torch.nn.init.calculate_gain`; He's own sqrt(2) gives way to it).

    Args:
        input_init: Of the input weight.
        recurrent_init: Of the recurrent weight, where the cell has one.
        bias_init: "zeros"; "gate": LSTM forget +1, GRU and minGRU update -1, so that the cell
            begins by remembering; "chrono": gates that remember for u ~ U(1, chrono_length - 1)
            steps: GRU and minGRU update -log(u), LSTM forget log(u), input -log(u) (Tallec &
            Ollivier 2018). All of it stands in the input bias; the recurrent bias begins at zero.
        chrono_length: Longest memory in steps that chrono prepares for, at least 3.
        init_gain: "none", or "activation": scale weights for what comes behind them.

    Raises:
        SpecError: a name is unknown or the length too short.
    """

    input_init: InputInit = "glorot_uniform"
    recurrent_init: RecurrentInit = "orthogonal"
    bias_init: BiasInit = "zeros"
    chrono_length: int = 100
    init_gain: InitGain = "none"

    def __post_init__(self) -> None:
        for field, choices in (
            ("input_init", tuple(_INPUT)),
            ("recurrent_init", tuple(_RECURRENT)),
            ("bias_init", _BIAS),
            ("init_gain", _GAINS),
        ):
            value = getattr(self, field)
            if value not in choices:
                known = ", ".join(choices)
                raise SpecError(f"{field} must be one of {known}; got {value!r}")
        length = self.chrono_length
        if not isinstance(length, int) or isinstance(length, bool) or length < 3:
            raise SpecError(f"chrono_length must be a whole number >= 3, got {length!r}")


def _fill_bias(node: AbstractCell, gates: Mapping[str, Tensor], how: Initialisers) -> None:
    if how.bias_init == "gate":
        if node.kind == "lstm":
            gates["forget"].fill_(1.0)
        else:
            gates["update"].fill_(-1.0)
    elif how.bias_init == "chrono":
        memory = next(iter(gates.values())).new_empty(node.hidden_size)
        memory.uniform_(1.0, how.chrono_length - 1.0).log_()
        if node.kind == "lstm":
            gates["forget"].copy_(memory)
            gates["input"].copy_(-memory)
        else:
            gates["update"].copy_(-memory)


def _gains(node: AbstractCell) -> list[float]:
    """Of each gate's activation, in the order of the blocks."""
    # The candidate of an LSTM is its gate "cell".
    words = [
        node.activation if gate in ("candidate", "cell") else node.gate_activation
        for gate in node.gates
    ]
    return [_GAIN_OF.get(word, 1.0) for word in words]


def _fill(
    weight: Tensor,
    node: AbstractCell,
    known: Mapping[str, Callable[[Tensor], object]],
    name: str,
    gains: list[float] | None,
) -> None:
    """Draw each gate's block; `gains` multiplies it, where the drawing is one that is scaled."""
    for k, block in enumerate(weight.chunk(len(node.gates))):
        known[name](block)
        if gains is not None and name in _SCALED:
            block.mul_(gains[k] / (math.sqrt(2.0) if name in _HE else 1.0))


@torch.no_grad()
def initialise(
    node: AbstractCell, parameters: Mapping[str, Tensor], how: Initialisers | None = None
) -> None:
    """Draw a cell's parameters anew, in place, from torch's global random numbers.

    Args:
        node: The cell.
        parameters: Name -> tensor of every parameter that the node names.
        how: Default: `Initialisers()`.

    Raises:
        SpecError: a bias is asked for that the cell does not have.
    """
    how = how or Initialisers()
    if how.bias_init != "zeros" and len(node.gates) == 1:
        raise SpecError(
            f"bias_init={how.bias_init!r} sets the bias of a gate, and {node.kind} has no gate: "
            "use bias_init='zeros'"
        )
    if how.bias_init != "zeros" and not node.bias:
        raise SpecError(f"bias_init={how.bias_init!r} needs bias=True, got bias=False")
    gains = _gains(node) if how.init_gain == "activation" else None
    _fill(parameters["input_weight"], node, _INPUT, how.input_init, gains)
    if "recurrent_weight" in parameters:
        _fill(parameters["recurrent_weight"], node, _RECURRENT, how.recurrent_init, gains)
    for name in set(node.parameters()) - {"input_weight", "recurrent_weight"}:
        parameters[name].zero_()
    if node.bias:
        blocks = parameters["input_bias"].chunk(len(node.gates))
        _fill_bias(node, dict(zip(node.gates, blocks, strict=True)), how)
