"""Each gate's block is drawn on its own: limits, moments and orthogonality hold block by block."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.errors import SpecError
from recurra.layers import GRU, LSTM, RNN, MinGRU

I, H = 60, 240  # noqa: E741 # the axis's own letter
LAYERS = [(GRU, {}), (GRU, {"reset": "none"}), (LSTM, {}), (RNN, {})]
each_layer = pytest.mark.parametrize(("cell", "more"), LAYERS)


def blocks(cell: Any, more: dict[str, Any], parameter: str, **init: Any) -> dict[str, Tensor]:
    torch.manual_seed(0)
    layer = cell(I, H, dtype=torch.float64, **more, **init)
    rows = getattr(layer, parameter).detach().chunk(len(layer.node.gates))
    return dict(zip(layer.node.gates, rows, strict=True))


def is_uniform(block: Tensor, limit: float) -> None:
    """Inside the limit, near it, and with its variance limit^2 / 3."""
    assert block.abs().max() <= limit
    assert block.abs().max() > 0.99 * limit
    # The smallest block has 14,400 values: 6 standard deviations of the variance are 5 %.
    assert block.var().item() == pytest.approx(limit**2 / 3, rel=0.05)
    assert abs(block.mean().item()) < 6 * limit / (3 * block.numel()) ** 0.5


def is_normal(block: Tensor, variance: float) -> None:
    # 6 standard deviations: 7 % of the variance, and of the mean and the share beyond 2 sigma.
    assert block.var().item() == pytest.approx(variance, rel=0.07)
    assert abs(block.mean().item()) < 6 * (variance / block.numel()) ** 0.5
    beyond = (block.abs() > 2 * variance**0.5).double().mean().item()
    assert beyond == pytest.approx(0.0455, abs=0.011)


UNIFORM = {
    ("input_init", "glorot_uniform"): (6 / (H + I)) ** 0.5,
    ("input_init", "he_uniform"): (6 / I) ** 0.5,
    ("input_init", "uniform"): H**-0.5,
    ("recurrent_init", "glorot_uniform"): (6 / (2 * H)) ** 0.5,
    ("recurrent_init", "uniform"): H**-0.5,
}
NORMAL = {
    ("input_init", "glorot_normal"): 2 / (H + I),
    ("input_init", "he_normal"): 2 / I,
    ("recurrent_init", "glorot_normal"): 2 / (2 * H),
}


@each_layer
@pytest.mark.parametrize("choice", UNIFORM)
def test_uniform_blocks(cell: Any, more: dict[str, Any], choice: tuple[str, str]) -> None:
    """The limit is that of one gate's own sizes."""
    parameter = choice[0].replace("init", "weight")
    for block in blocks(cell, more, parameter, **dict([choice])).values():
        is_uniform(block, UNIFORM[choice])


@each_layer
@pytest.mark.parametrize("choice", NORMAL)
def test_normal_blocks(cell: Any, more: dict[str, Any], choice: tuple[str, str]) -> None:
    """The variance is that of one gate's own sizes."""
    parameter = choice[0].replace("init", "weight")
    for block in blocks(cell, more, parameter, **dict([choice])).values():
        is_normal(block, NORMAL[choice])


@each_layer
def test_defaults_are_glorot_orthogonal_zeros(cell: Any, more: dict[str, Any]) -> None:
    """Input weights glorot uniform, each recurrent block orthogonal and its own, biases zero."""
    for block in blocks(cell, more, "input_weight").values():
        is_uniform(block, (6 / (H + I)) ** 0.5)
    recurrent = list(blocks(cell, more, "recurrent_weight").values())
    for k, block in enumerate(recurrent):
        torch.testing.assert_close(block @ block.T, torch.eye(H).double(), rtol=0, atol=1e-12)
        assert all((block - other).abs().max() > 0.01 for other in recurrent[k + 1 :])
    for name in ("input_bias", "recurrent_bias"):
        assert not any(block.any() for block in blocks(cell, more, name).values())


@each_layer
def test_identity_blocks(cell: Any, more: dict[str, Any]) -> None:
    """Every recurrent block is the identity matrix."""
    for block in blocks(cell, more, "recurrent_weight", recurrent_init="identity").values():
        assert torch.equal(block, torch.eye(H).double())


@pytest.mark.parametrize(
    ("cell", "more", "gate", "value"),
    [
        (LSTM, {}, "forget", 1.0),
        (GRU, {}, "update", -1.0),
        (GRU, {"reset": "none"}, "update", -1.0),
        (MinGRU, {}, "update", -1.0),
    ],
)
def test_gate_bias_begins_by_remembering(
    cell: Any, more: dict[str, Any], gate: str, value: float
) -> None:
    """The gate that keeps the state is opened towards keeping, the others and the twin stay 0."""
    for name, block in blocks(cell, more, "input_bias", bias_init="gate").items():
        assert torch.equal(block, torch.full_like(block, value if name == gate else 0.0))
    if cell is not MinGRU:
        twin = blocks(cell, more, "recurrent_bias", bias_init="gate")
        assert not any(block.any() for block in twin.values())


def test_a_gate_bias_holds_a_state_longer() -> None:
    """After some empty steps more of the state is left than without, for both kinds of gate."""
    for cell in (GRU, LSTM, MinGRU):
        left = []
        for bias_init in ("zeros", "gate", "chrono"):
            torch.manual_seed(0)
            layer = cell(2, 20, bias_init=bias_init, chrono_length=200)
            state = type(layer.initial_state(1))(
                *(torch.ones_like(slot) for slot in layer.initial_state(1))
            )
            _, end = layer(torch.zeros(1, 10, 2), state)
            left.append(end[-1].abs().mean().item())
        assert left[0] < left[1] < left[2]


@pytest.mark.parametrize("length", [3, 500])
def test_chrono_spreads_memory_over_the_length(length: int) -> None:
    """The time constant exp(|bias|) is uniform on [1, length - 1] (Tallec & Ollivier 2018)."""
    init = {"bias_init": "chrono", "chrono_length": length}
    gru = blocks(GRU, {}, "input_bias", **init)
    lstm = blocks(LSTM, {}, "input_bias", **init)
    scan = blocks(MinGRU, {}, "input_bias", **init)
    assert torch.equal(lstm["forget"], -lstm["input"])
    for bias in (-gru["update"], -scan["update"], lstm["forget"]):
        memory = bias.exp()
        assert memory.min() >= 1 - 1e-12
        assert memory.max() <= length - 1 + 1e-9
        # 240 draws of a uniform: 5 standard deviations of the mean are 0.093 of the width.
        assert memory.mean().item() == pytest.approx(length / 2, abs=0.1 * (length - 2))
        assert memory.std().item() == pytest.approx((length - 2) / 12**0.5, rel=0.2)
    for name in ("reset", "candidate"):
        assert not gru[name].any()
    for name in ("cell", "output"):
        assert not lstm[name].any()


def test_a_mingru_draws_each_gates_input_weights_on_its_own() -> None:
    """And has no recurrent ones to draw, whatever recurrent_init says."""
    for block in blocks(MinGRU, {}, "input_weight", recurrent_init="identity").values():
        is_uniform(block, (6 / (H + I)) ** 0.5)
    assert not any(block.any() for block in blocks(MinGRU, {}, "input_bias").values())


def test_a_bias_that_is_not_there_cannot_be_set() -> None:
    """bias=False with an initialiser for gates is refused."""
    with pytest.raises(SpecError, match="needs bias=True"):
        GRU(3, 4, bias=False, bias_init="gate")


def test_a_seed_repeats_the_draw_and_reset_makes_a_new_one() -> None:
    """Parameters come from torch's global generator; `reset_parameters` draws again."""
    layer = GRU(3, 4, learn_initial_state=True, bias_init="chrono")
    torch.manual_seed(5)
    layer.reset_parameters()
    first = {name: p.detach().clone() for name, p in layer.named_parameters()}
    torch.manual_seed(5)
    layer.reset_parameters()
    assert all(torch.equal(first[name], p) for name, p in layer.named_parameters())
    layer.reset_parameters()
    assert not torch.equal(first["input_weight"], layer.input_weight)
    assert not layer.initial_h.any()


GAINS = {"tanh": 5 / 3, "relu": 2**0.5, "sigmoid": 1.0, "identity": 1.0}


@pytest.mark.parametrize("activation", GAINS)
@pytest.mark.parametrize("cell", [GRU, LSTM, MinGRU])
def test_weights_are_scaled_for_the_activation_behind_them(cell: Any, activation: str) -> None:
    """The candidate's block for its own activation, the gates' for theirs (a sigmoid: by 1)."""
    more = {"activation": activation}
    plain, scaled = (
        blocks(cell, more, "input_weight", init_gain=how) for how in ("none", "activation")
    )
    for gate, block in scaled.items():
        gain = GAINS[activation] if gate in ("candidate", "cell") else 1.0
        torch.testing.assert_close(block, gain * plain[gate])
    assert GAINS[activation] == pytest.approx(
        torch.nn.init.calculate_gain("linear" if activation == "identity" else activation)
    )


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_each_drawing_is_scaled_or_is_what_its_name_says(activation: str) -> None:
    gain, more = GAINS[activation], {"activation": activation, "init_gain": "activation"}
    for init, variance in (("glorot_normal", 2 / (H + I)), ("he_normal", 1 / I)):
        (block,) = blocks(RNN, more, "input_weight", input_init=init).values()
        is_normal(block, gain**2 * variance)
    (block,) = blocks(RNN, more, "input_weight", input_init="uniform").values()
    is_uniform(block, H**-0.5)
    (block,) = blocks(RNN, more, "recurrent_weight").values()
    torch.testing.assert_close(block @ block.T, gain**2 * torch.eye(H, dtype=torch.float64))
    (block,) = blocks(RNN, more, "recurrent_weight", recurrent_init="identity").values()
    assert torch.equal(block, torch.eye(H, dtype=torch.float64))


def test_a_scaled_candidate_keeps_the_variance_of_its_input() -> None:
    """What the gain is for: relu of a He-scaled map has the mean square of the input."""
    torch.manual_seed(0)
    layer = RNN(400, 400, activation="relu", input_init="he_normal", init_gain="activation")
    x = torch.randn(64, 1, 400)
    y, _ = layer(x)
    assert float(y.detach().square().mean()) == pytest.approx(1.0, rel=0.1)


def test_an_unknown_gain_is_refused() -> None:
    with pytest.raises(SpecError, match="init_gain must be one of none, activation"):
        GRU(2, 3, init_gain="loud")  # type: ignore[arg-type]  # the wrong word is the test
