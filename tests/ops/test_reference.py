"""The reference is the published equations: derivatives, other libraries, and by hand."""

from __future__ import annotations

import math

import numpy as np
import onnxruntime
import pytest
import torch
from draws import CELLS, Cell, choices_of, compute, differentiable, make, with_arrays
from onnx import TensorProto, helper
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from recurra.ops import reference
from recurra.ops.call import STATES, Call
from recurra.spec.kernel import FAMILIES

REVERSE = [pytest.param(False, id="forward"), pytest.param(True, id="reverse")]


def all_options(family: str) -> list[str]:
    return [name for name, field in FAMILIES[family].items() if field.optional]


def leaves_of(call: Call) -> dict[str, Tensor]:
    """What has a derivative: the reference's noise has one too."""
    found = differentiable(call)
    found |= {n: a for n, a in call.arrays.items() if a is not None and a.is_floating_point()}
    return {name: array.requires_grad_() for name, array in found.items()}


@pytest.mark.parametrize("reverse", REVERSE)
@pytest.mark.parametrize("options", ["plain", "all"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_first_and_second_derivatives(cell: Cell, options: str, reverse: bool) -> None:
    """Against finite differences in float64."""
    family, reset = cell
    names = all_options(family) if options == "all" else ()
    choices = choices_of(family, reset, reverse=reverse)
    call = make(family, choices, batch=3, steps=3, inputs=2, hidden=2, names=names)
    leaves = leaves_of(call)

    def function(*inputs: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(leaves, inputs, strict=True))
        return compute(with_arrays(call, **given), "reference")

    assert gradcheck(function, tuple(leaves.values()), fast_mode=True)
    assert gradgradcheck(function, tuple(leaves.values()), fast_mode=True)


def negated(parameter: Tensor) -> Tensor:
    """PyTorch's update gate is 1 - ours."""
    reset, update, candidate = parameter.chunk(3)
    return torch.cat([reset, -update, candidate])


MODULES = {
    ("gru", "tanh"): torch.nn.GRU,
    ("lstm", "tanh"): torch.nn.LSTM,
    ("rnn", "tanh"): torch.nn.RNN,
    ("rnn", "relu"): torch.nn.RNN,
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("family", "activation"), MODULES)
def test_values_and_gradients_are_those_of_torch(family: str, activation: str, bias: bool) -> None:
    torch.manual_seed(0)
    more = {"nonlinearity": activation} if family == "rnn" else {}
    module = MODULES[family, activation](2, 3, bias=bias, batch_first=True, **more).double()
    parameters = dict(module.named_parameters())
    x = torch.randn(4, 6, 2, dtype=torch.float64, requires_grad=True)
    states = [torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in STATES[family]]
    theirs = module(x, tuple(s[None] for s in states) if family == "lstm" else states[0][None])
    their_y, their_states = theirs
    if family != "lstm":
        their_states = (their_states,)
    turn = negated if family == "gru" else lambda parameter: parameter
    weights = [turn(parameter) for parameter in parameters.values()]
    ours = getattr(reference, family)(x, *states, *weights, activation=activation)
    expected = (their_y, *(state[0] for state in their_states))
    wanted = [x, *states, *parameters.values()]
    cotangents = [torch.randn_like(output) for output in expected]
    our_gradients = torch.autograd.grad(ours, wanted, cotangents)
    their_gradients = torch.autograd.grad(expected, wanted, cotangents)
    for a, b in zip((*ours, *our_gradients), (*expected, *their_gradients), strict=True):
        # Two orders of summation over some ten terms.
        torch.testing.assert_close(a, b, rtol=0, atol=1e-13)


def run_onnx(op: str, call: Call, order: list[int], **attributes: int) -> list[np.ndarray]:
    """One node on ONNX Runtime in float32; `order` takes our gate blocks to its places."""
    count = len(order)
    hidden = call.arrays["h0"].shape[1]

    def arranged(name: str) -> np.ndarray:
        blocks = call.arrays[name].chunk(count)
        # ONNX's update gate is 1 - ours.
        return torch.cat([-blocks[k] if op == "GRU" and k == 1 else blocks[k] for k in order])

    inputs = {
        "X": call.x.transpose(0, 1),
        "W": arranged("input_weight")[None],
        "R": arranged("recurrent_weight")[None],
        "B": torch.cat([arranged("input_bias"), arranged("recurrent_bias")])[None],
        "lengths": call.arrays["lengths"].int(),
        "h0": call.arrays["h0"][None],
    }
    outputs = ["Y", "Y_h"]
    if op == "LSTM":
        inputs["c0"] = call.arrays["c0"][None]
        outputs.append("Y_c")
    direction = "reverse" if call.choices["reverse"] else "forward"
    node = helper.make_node(
        op, list(inputs), outputs, hidden_size=hidden, direction=direction, **attributes
    )
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    kinds = {"lengths": TensorProto.INT32}
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), a.shape)
            for n, a in arrays.items()
        ],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
    )
    # The newest operators that older runtimes know too.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, arrays)


@pytest.mark.parametrize("reverse", REVERSE)
@pytest.mark.parametrize("cell", [("gru", "before"), ("gru", "after"), ("lstm", None)], ids=str)
def test_values_are_those_of_onnx_runtime(cell: Cell, reverse: bool) -> None:
    family, reset = cell
    names = ("input_bias", "recurrent_bias", "lengths")
    choices = choices_of(family, reset, reverse=reverse)
    call = make(family, choices, names=names, dtype=torch.float32, seed=3)
    # ONNX Runtime does not say what becomes of the state of an empty row.
    call = with_arrays(call, lengths=torch.tensor([5, 1, 3]))
    if family == "gru":
        found = run_onnx("GRU", call, [1, 0, 2], linear_before_reset=int(reset == "after"))
    else:
        found = run_onnx("LSTM", call, [0, 3, 1, 2])
    theirs = [torch.from_numpy(found[0])[:, 0].transpose(0, 1), *map(torch.from_numpy, found[1:])]
    ours = compute(call, "reference")
    for a, b in zip(ours, [theirs[0], *(s[0] for s in theirs[1:])], strict=True):
        # float32, and ONNX Runtime's own tanh and sigmoid.
        torch.testing.assert_close(a, b, rtol=0, atol=2e-6)


def scalar(value: float) -> Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


def series(value: float) -> Tensor:
    return torch.tensor([[[value]]], dtype=torch.float64)


def sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def test_gru_by_hand() -> None:
    """One unit, one step, every factor: decay, recurrent dropout, zoneout; three resets."""
    x, h0, decay, drop, share = 0.5, 0.8, 0.9, 2.0, 0.25
    w, u = (0.3, -0.4, 0.7), (0.6, 0.2, -0.5)
    b, c = (0.1, -0.2, 0.05), (-0.3, 0.15, 0.4)
    h = decay * h0
    read = drop * h
    r = sigmoid(w[0] * x + b[0] + u[0] * read + c[0])
    z = sigmoid(w[1] * x + b[1] + u[1] * read + c[1])
    candidates = {
        "after": w[2] * x + b[2] + r * (u[2] * read + c[2]),
        "before": w[2] * x + b[2] + u[2] * (r * read) + c[2],
        "none": w[2] * x + b[2] + u[2] * read + c[2],
    }
    for reset, a in candidates.items():
        first = 1 if reset == "none" else 0
        parameters = [torch.tensor(p[first:], dtype=torch.float64) for p in (w, u, b, c)]
        y, last = reference.gru(
            series(x),
            scalar(h0),
            *(p[:, None] for p in parameters[:2]),
            *parameters[2:],
            reset=reset,
            zoneout_h=series(share),
            recurrent_dropout=series(drop),
            decay=series(decay),
        )
        expected = h + share * (h + z * (math.tanh(a) - h) - h)
        assert y.item() == pytest.approx(expected, abs=1e-15), reset
        assert last.item() == y.item()


def test_lstm_by_hand() -> None:
    """h is taken from the new c, before zoneout holds some of it back (Krueger et al. 2017)."""
    x, h0, c0, drop, share_h, share_c = 0.5, 0.8, -0.6, 2.0, 0.25, 0.75
    w, u = (0.3, -0.4, 0.7, 0.2), (0.6, 0.2, -0.5, 0.9)
    b, k = (0.1, -0.2, 0.05, 0.3), (-0.3, 0.15, 0.4, -0.1)
    a = [w[j] * x + b[j] + u[j] * drop * h0 + k[j] for j in range(4)]
    i, f, o = (sigmoid(a[j]) for j in (0, 1, 3))
    new = f * c0 + i * math.tanh(a[2])
    c = c0 + share_c * (new - c0)
    h = h0 + share_h * (o * math.tanh(new) - h0)
    parameters = [torch.tensor(p, dtype=torch.float64) for p in (w, u, b, k)]
    y, last_h, last_c = reference.lstm(
        series(x),
        scalar(h0),
        scalar(c0),
        *(p[:, None] for p in parameters[:2]),
        *parameters[2:],
        zoneout_h=series(share_h),
        zoneout_c=series(share_c),
        recurrent_dropout=series(drop),
    )
    assert y.item() == pytest.approx(h, abs=1e-15)
    assert last_h.item() == y.item()
    assert last_c.item() == pytest.approx(c, abs=1e-15)


def test_rnn_by_hand() -> None:
    x, h0, drop, share = 0.5, 0.8, 2.0, 0.25
    new = math.tanh(0.3 * x + 0.1 + 0.6 * drop * h0 - 0.3)
    vectors = [torch.tensor([value], dtype=torch.float64) for value in (0.1, -0.3)]
    y, _ = reference.rnn(
        series(x),
        scalar(h0),
        scalar(0.3),
        scalar(0.6),
        *vectors,
        zoneout_h=series(share),
        recurrent_dropout=series(drop),
    )
    assert y.item() == pytest.approx(h0 + share * (new - h0), abs=1e-15)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_no_steps_are_part_of_the_graph(cell: Cell) -> None:
    """T = 0: y [B, 0, H] can be differentiated like any other, and the state stays."""
    family, reset = cell
    call = make(family, choices_of(family, reset), steps=0)
    leaves = leaves_of(call)
    y, *states = compute(with_arrays(call, **leaves), "reference")
    assert y.shape == (3, 0, 3)
    assert torch.equal(states[0], call.arrays["h0"])
    found = torch.autograd.grad(y.sum(), list(leaves.values()), allow_unused=True)
    assert all(gradient is None or not gradient.any() for gradient in found)
