"""PyTorch's layers and ours compute the same, values and every gradient, after a conversion."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recurra.convert import from_torch, to_torch
from recurra.errors import ConversionError
from recurra.layers import GRU, LSTM, RNN, Bidirectional, Linear, MinGRU, Stack
from recurra.spec.state import flatten

# In float64 only the order of summation differs; the figures here stay below 30 in magnitude.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}
KINDS = {
    "gru": (nn.GRU, {}),
    "lstm": (nn.LSTM, {}),
    "rnn_tanh": (nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}),
}
SHAPES = [(depth, both) for depth in (1, 2, 3) for both in (False, True)]


def peer(kind: str, depth: int, both: bool, dtype: torch.dtype, **more: Any) -> nn.RNNBase:
    torch.manual_seed(depth)
    make, choices = KINDS[kind]
    return make(
        3, 4, num_layers=depth, bidirectional=both, batch_first=True, dtype=dtype, **choices, **more
    )


def their_state(ours: Any) -> Any:
    """The slots in PyTorch's form: h_n [layers * directions, B, H], for an LSTM with c_n."""
    slots = dict(flatten(ours))
    h = torch.stack([slot for name, slot in slots.items() if name.split(".")[-1] == "h"])
    c = [slot for name, slot in slots.items() if name.split(".")[-1] == "c"]
    return (h, torch.stack(c)) if c else h


def gradients(module: nn.Module, x: Tensor, y: Tensor, end: Any) -> dict[str, Tensor]:
    """Of one loss that reads every output and the whole final state."""
    slots = end if isinstance(end, tuple) else (end,)
    loss = (y * torch.linspace(-1, 1, y.shape[2], dtype=y.dtype)).sum()
    loss = loss + sum((slot * slot).sum() for slot in slots)
    names, parameters = zip(*module.state_dict(keep_vars=True).items(), strict=True)
    return dict(zip(("x", *names), torch.autograd.grad(loss, (x, *parameters)), strict=True))


def in_our_signs(module: nn.RNNBase, theirs: dict[str, Tensor]) -> list[Tensor]:
    """PyTorch's gradients, the update block's sign turned: d/dw = -d/d(-w)."""
    signed = []
    for name, gradient in theirs.items():
        gradient = gradient.clone()
        if isinstance(module, nn.GRU) and name != "x":
            gradient.chunk(3)[1].neg_()
        signed.append(gradient)
    return signed


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("depth", "both"), SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_pytorch_s(
    kind: str, depth: int, both: bool, dtype: torch.dtype, backend: Any
) -> None:
    """Outputs, final states and every gradient agree over rows of unequal length."""
    theirs = peer(kind, depth, both, dtype)
    ours = from_torch(theirs, backend=backend)
    lengths = torch.tensor([5, 2, 7])
    x = torch.randn(3, 7, 3, dtype=dtype)
    x1, x2 = x.clone().requires_grad_(), x.clone().requires_grad_()
    packed = nn.utils.rnn.pack_padded_sequence(x1, lengths, batch_first=True, enforce_sorted=False)
    packed_y, their_end = theirs(packed)
    their_y, _ = nn.utils.rnn.pad_packed_sequence(packed_y, batch_first=True)
    y, end = ours(x2, lengths=lengths)
    close = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    torch.testing.assert_close(y, their_y, **close)
    torch.testing.assert_close(their_state(end), their_end, **close)
    expected = in_our_signs(theirs, gradients(theirs, x1, their_y, their_end))
    came = gradients(ours, x2, y, their_state(end))
    for (name, gradient), wanted in zip(came.items(), expected, strict=True):
        torch.testing.assert_close(
            gradient, wanted, msg=lambda text, name=name: f"{name}: {text}", **close
        )


@pytest.mark.parametrize(
    ("cell", "ours"), [(nn.GRUCell, GRU), (nn.LSTMCell, LSTM), (nn.RNNCell, RNN)]
)
def test_cells_of_pytorch_convert_too(cell: type[nn.RNNCellBase], ours: type) -> None:
    """nn.GRUCell and its like become a layer whose step is the cell's."""
    theirs = cell(3, 4, dtype=torch.float64)
    layer = from_torch(theirs)
    assert type(layer) is ours
    x = torch.randn(2, 3, dtype=torch.float64)
    state = layer.initial_state(2)
    y, _ = layer.step(x, layer.step(x, state)[1])
    h = theirs(x, theirs(x))
    torch.testing.assert_close(y, h[0] if isinstance(h, tuple) else h, rtol=0, atol=1e-12)


def test_what_a_layer_is_and_does_not_do_goes_along() -> None:
    """Depth, direction, dropout, dtype, training mode and frozen weights survive; x is a copy."""
    theirs = peer("gru", 2, True, torch.float64, dropout=0.25).eval()
    theirs.weight_hh_l1.requires_grad_(False)
    ours = from_torch(theirs)
    assert isinstance(ours, Stack)
    assert ours.node.dropout == 0.25
    assert not ours.training
    assert all(isinstance(layer, Bidirectional) for layer in ours.layers)
    frozen = [name for name, p in ours.state_dict(keep_vars=True).items() if not p.requires_grad]
    assert frozen == ["layers.1.forward.recurrent_weight"]
    back = to_torch(ours, batch_first=False)
    assert (back.num_layers, back.bidirectional, back.dropout) == (2, True, 0.25)
    assert (back.batch_first, back.training) == (False, False)
    assert not back.weight_hh_l1.requires_grad
    with torch.no_grad():
        ours.layers[0].forward_cell.input_weight.zero_()
    assert theirs.weight_ih_l0.abs().max() > 0


def test_swapped_update_sign_would_be_seen() -> None:
    """Without the negated update block the outputs differ by far more than the tolerance."""
    theirs = peer("gru", 1, False, torch.float64)
    ours = from_torch(theirs)
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.chunk(3)[1].neg_()
    assert (ours(x)[0] - theirs(x)[0]).abs().max() > 1e-3


REFUSED_BY_PYTORCH = {
    "reset": lambda: GRU(3, 4, reset="before"),
    "activation='softsign'": lambda: GRU(3, 4, activation="softsign"),
    "activation='sigmoid'": lambda: RNN(3, 4, activation="sigmoid"),
    "gate_activation": lambda: LSTM(3, 4, gate_activation="hard_sigmoid"),
    "learn_initial_state": lambda: RNN(3, 4, learn_initial_state=True),
    "zoneout=0.1": lambda: GRU(3, 4, zoneout=0.1),
    "zoneout_cell": lambda: LSTM(3, 4, zoneout_cell=0.1),
    "weight_dropout": lambda: LSTM(3, 4, weight_dropout=0.1),
    "residual": lambda: Stack([GRU(4, 4), GRU(4, 4)], residual=True),
    "variational": lambda: Stack([GRU(4, 4), GRU(4, 4)], dropout=0.1, variational=True),
    "a mingru: it has GRU, LSTM and RNN": lambda: Stack([MinGRU(3, 4), MinGRU(4, 4)]),
    "differ in kind": lambda: Stack([GRU(4, 4), LSTM(4, 4)]),
    "differ in hidden_size": lambda: Bidirectional(GRU(4, 4), GRU(4, 5)),
    "differ in bias": lambda: Stack([GRU(4, 4), GRU(4, 4, bias=False)]),
    "differ in activation": lambda: Stack([RNN(4, 4), RNN(4, 4, activation="relu")]),
    "differ in dtype": lambda: Stack([GRU(4, 4), GRU(4, 4, dtype=torch.float64)]),
    "one and of both": lambda: Stack([GRU(4, 4), Bidirectional(GRU(4, 4), GRU(4, 4))]),
}


@pytest.mark.parametrize("what", REFUSED_BY_PYTORCH)
def test_what_would_be_lost_is_refused(what: str) -> None:
    """A layer with something that PyTorch's modules cannot hold is refused by its name."""
    with pytest.raises(ConversionError, match=what):
        to_torch(REFUSED_BY_PYTORCH[what]())


def test_other_modules_are_refused() -> None:
    """Both directions name what they take."""
    with pytest.raises(ConversionError, match="proj_size=2"):
        from_torch(nn.LSTM(3, 4, proj_size=2))
    with pytest.raises(ConversionError, match=r"expected one of nn\.GRU, .*got Linear"):
        from_torch(nn.Linear(3, 4))
    with pytest.raises(ConversionError, match=r"expected a GRU, .*got Linear"):
        to_torch(Linear(3, 4))


def test_a_subclass_may_compute_something_else() -> None:
    """Only PyTorch's own classes are taken: an overridden forward would be lost."""

    class Twice(nn.GRU):
        def forward(self, *arguments: Any) -> Any:
            y, h = super().forward(*arguments)
            return 2 * y, h

    with pytest.raises(ConversionError, match="got Twice"):
        from_torch(Twice(3, 4))


def test_sizes_chain_through_the_layers() -> None:
    """Layer k takes what layer k - 1 puts out, also with both directions."""
    ours = from_torch(nn.GRU(3, 4, num_layers=3, bidirectional=True))
    assert isinstance(ours, Stack)
    outputs = [layer.forward_cell.node.hidden_size * 2 for layer in ours.layers]
    inputs = [layer.forward_cell.node.input_size for layer in ours.layers]
    assert inputs[0] == 3
    assert all(out == into for out, (_, into) in zip(outputs, pairwise(inputs), strict=False))
