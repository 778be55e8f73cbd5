"""Every recurrent layer is one call over time: whole, chunked and stepped are the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recurra.errors import BackendError, DTypeError, ShapeError, SpecError, StateError
from recurra.layers import GRU, LSTM, RNN, MinGRU
from recurra.layers.abstract import AbstractRecurrent
from recurra.spec.cells import CELLS as CELL_TYPES
from recurra.spec.cells import AbstractRecurrentCell
from recurra.spec.state import GRUState, RNNState, map_arrays

CELLS = [GRU, LSTM, RNN, MinGRU]
VARIANTS: dict[str, tuple[type[AbstractRecurrent], dict[str, Any]]] = {
    "gru_after": (GRU, {}),
    "gru_before": (GRU, {"reset": "before"}),
    "gru_none": (GRU, {"reset": "none", "bias": False}),
    "lstm": (LSTM, {}),
    "rnn": (RNN, {"activation": "relu"}),
    "mingru": (MinGRU, {}),
}
each_cell = pytest.mark.parametrize("cell", CELLS)
each_variant = pytest.mark.parametrize("variant", VARIANTS)


def layer_of(variant: str, **more: Any) -> AbstractRecurrent:
    """A layer I=3, H=4 in float64 whose parameters, the learnt initial state too, are not zero."""
    torch.manual_seed(7)
    make, choices = VARIANTS[variant]
    layer = make(3, 4, dtype=torch.float64, learn_initial_state=True, **choices, **more)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer


def inputs(batch: int = 3, time: int = 6) -> Tensor:
    torch.manual_seed(8)
    return torch.randn(batch, time, 3, dtype=torch.float64)


def near(came: Any, wanted: Any) -> None:
    torch.testing.assert_close(came, wanted, rtol=0, atol=1e-12)


def drops_weights(cell: type[AbstractRecurrent]) -> bool:
    return isinstance(cell(1, 1).node, AbstractRecurrentCell)


def test_every_cell_has_its_layer() -> None:
    assert [type(cell(1, 1).node) for cell in CELLS] == list(CELL_TYPES.values())
    assert {variant.split("_")[0] for variant in VARIANTS} == set(CELL_TYPES)


@each_variant
def test_parameters_are_the_node_s(variant: str) -> None:
    """Names, order and shapes are what the node declares."""
    layer = layer_of(variant)
    came = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    assert list(came.items()) == list(layer.node.parameters().items())
    assert list(layer.state_dict()) == list(came)


@each_variant
def test_steps_and_chunks_are_the_whole(variant: str) -> None:
    """The same outputs and state come from one call, from chunks and from single steps."""
    layer, x = layer_of(variant), inputs()
    valid, starts = torch.rand(3, 6) < 0.7, torch.rand(3, 6) < 0.3
    whole, end = layer(x, valid=valid, starts=starts)
    state, chunks = None, []
    for part in (slice(0, 1), slice(1, 4), slice(4, 6)):
        y, state = layer(x[:, part], state, valid=valid[:, part], starts=starts[:, part])
        chunks.append(y)
    near((torch.cat(chunks, 1), state), (whole, end))
    state = layer.initial_state(3)
    for t in range(6):
        y, state = layer.step(x[:, t], state, valid=valid[:, t], starts=starts[:, t])
        near(y, whole[:, t])
    near(state, end)


@each_variant
def test_nothing_is_read_at_skipped_steps(variant: str) -> None:
    """NaN at padding and at invalid steps changes no output, no state and no gradient."""
    layer = layer_of(variant)
    lengths, valid = torch.tensor([6, 0, 4]), torch.ones(3, 6, dtype=torch.bool)
    valid[0, 2] = False
    results = []
    for filler in (0.0, float("nan")):
        x = inputs()
        x[1], x[2, 4:], x[0, 2] = filler, filler, filler
        x.requires_grad_()
        y, end = layer(x, lengths=lengths, valid=valid)
        total = y.sum() + sum(slot.square().sum() for slot in end)
        results.append((y, end, torch.autograd.grad(total, (x, *layer.parameters()))))
    near(results[1], results[0])
    y, end, _ = results[0]
    assert not y[1].any()
    assert not y[2, 4:].any()
    near(y[0, 2], y[0, 1])
    near(end.h[1], layer.initial_state(3).h[1])


@each_variant
def test_a_start_begins_from_the_layer_s_own_state(variant: str) -> None:
    """What was before a start does not matter, the passed state neither."""
    layer, x = layer_of(variant), inputs()
    starts = torch.zeros(3, 6, dtype=torch.bool)
    starts[:, 2] = True
    strange = type(layer.initial_state(3))(*(slot + 5 for slot in layer.initial_state(3)))
    y, end = layer(x, strange, starts=starts)
    fresh, fresh_end = layer(x[:, 2:])
    near((y[:, 2:], end), (fresh, fresh_end))


@each_variant
def test_reverse_reads_each_row_from_its_end(variant: str) -> None:
    """A reversed call is a call on the reversed rows."""
    layer, x = layer_of(variant), inputs()
    y, end = layer(x, lengths=torch.tensor([6, 6, 4]), reverse=True)
    ahead, ahead_end = layer(x[2:, :4].flip(1))
    near(y[2:, :4], ahead.flip(1))
    near(end.h[2:], ahead_end.h)


@each_variant
def test_it_is_an_ordinary_module(variant: str) -> None:
    """Copies, state dicts and moves keep what it computes."""
    layer, x = layer_of(variant), inputs()
    wanted = layer(x)
    twin = copy.deepcopy(layer)
    near(twin(x), wanted)
    with torch.no_grad():
        twin.input_weight.zero_()
    near(layer(x), wanted)
    assert twin.load_state_dict(layer.state_dict()).missing_keys == []
    near(twin(x), wanted)
    narrow = twin.to(torch.float32)
    y, end = narrow(x.float())
    assert y.dtype == end.h.dtype == narrow.initial_state(1).h.dtype == torch.float32
    torch.testing.assert_close(y.double(), wanted[0], rtol=0, atol=1e-5)


@each_cell
def test_it_learns_in_a_plain_loop(cell: type[AbstractRecurrent]) -> None:
    """A few steps of an ordinary optimiser lower an ordinary loss."""
    torch.manual_seed(0)
    layer = cell(3, 4)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    x, target = torch.randn(8, 5, 3), torch.rand(8, 4) - 0.5
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(layer(x)[0][:, -1], target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@each_cell
def test_it_compiles_into_one_graph(cell: type[AbstractRecurrent]) -> None:
    """torch.compile(fullgraph=True) gives the same values and gradients, whole and stepped."""
    torch.manual_seed(0)
    layer = cell(3, 4, zoneout=0.1, learn_initial_state=True).eval()
    x, lengths = torch.randn(2, 3, 3), torch.tensor([3, 1])
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    (y, end), (wanted, wanted_end) = compiled(x, lengths=lengths), layer(x, lengths=lengths)
    torch.testing.assert_close((y, end), (wanted, wanted_end), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        torch.autograd.grad(y.sum(), list(layer.parameters()), allow_unused=True),
        torch.autograd.grad(wanted.sum(), list(layer.parameters()), allow_unused=True),
        rtol=0,
        atol=1e-5,
    )
    step = torch.compile(layer.step, fullgraph=True, backend="aot_eager")
    # torch.compile warns by itself of an input that is no leaf of the autograd graph.
    state = map_arrays(Tensor.detach, layer.initial_state(2))
    torch.testing.assert_close(step(x[:, 0], state), layer.step(x[:, 0], state))
    layer.train()
    assert torch.compile(layer, fullgraph=True, backend="aot_eager")(x)[0].shape == (2, 3, 4)


@each_cell
def test_zoneout_keeps_units_in_training(cell: type[AbstractRecurrent]) -> None:
    """Each unit keeps its old value with the stated probability; a seed repeats the draw."""
    torch.manual_seed(0)
    layer = cell(3, 50, zoneout=0.3)
    x = torch.randn(8, 20, 3)
    torch.manual_seed(1)
    y, _ = layer(x)
    before = torch.cat((torch.zeros(8, 1, 50), y[:, :-1]), 1)
    kept = (y == before).double().mean().item()
    # 8,000 draws: four standard deviations of the mean are 0.0205.
    assert abs(kept - 0.3) < 0.0205
    torch.manual_seed(1)
    assert torch.equal(layer(x)[0], y)
    assert not torch.equal(layer(x)[0], y)


@each_cell
def test_zoneout_is_its_expectation_at_inference(cell: type[AbstractRecurrent]) -> None:
    """One step goes the share 1 - zoneout of the way that it would go without zoneout."""
    torch.manual_seed(0)
    layer = cell(3, 4, zoneout=0.25, dtype=torch.float64).eval()
    plain = cell(3, 4, dtype=torch.float64)
    plain.load_state_dict(layer.state_dict())
    x, start = inputs(time=1), layer.initial_state(3)
    start = type(start)(*(torch.rand_like(slot) for slot in start))
    held, moved = start.h[:, None], plain(x, start)[0]
    near(layer(x, start)[0], held + 0.75 * (moved - held))


@pytest.mark.parametrize("cell", [c for c in CELLS if drops_weights(c)])
def test_weight_dropout_drops_recurrent_weights_alone(cell: type[AbstractRecurrent]) -> None:
    """The first step from zero ignores the recurrent weights; the second sees 1/(1-p) or 0."""
    torch.manual_seed(0)
    layer = cell(3, 4, weight_dropout=0.5)
    x = torch.randn(1, 2, 3)
    draws = torch.stack([layer(x)[0][0] for _ in range(40)])
    assert torch.equal(draws[:, 0], draws[:1, 0].expand(40, -1))
    assert draws[:, 1].std(0).min() > 0
    again = torch.stack([layer(torch.cat((x, x)))[0] for _ in range(3)])
    assert torch.equal(again[:, 0], again[:, 1])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


def test_weight_dropout_keeps_the_expected_product() -> None:
    """A linear unit's mean over many draws is what it computes without dropout."""
    torch.manual_seed(0)
    layer = RNN(1, 1, activation="identity", weight_dropout=0.25, dtype=torch.float64)
    x = torch.ones(1, 2, 1, dtype=torch.float64)
    draws = torch.stack([layer(x)[0][0, 1] for _ in range(2000)])
    layer.eval()
    # The draw is 0 or 4/3 of the weight: standard deviation 0.58 of the recurrent product.
    product = (layer(x)[0][0, 1] - layer(x)[0][0, 0]).abs()
    assert (draws.mean() - layer(x)[0][0, 1]).abs() < 4 * 0.58 * product / 2000**0.5


@each_cell
def test_why_tells_and_leaves_the_random_numbers_alone(cell: type[AbstractRecurrent]) -> None:
    """`why` answers for the very call and draws nothing from the global generator."""
    layer = cell(3, 4, zoneout=0.5, **({"weight_dropout": 0.5} if drops_weights(cell) else {}))
    before = torch.get_rng_state()
    choice = layer.why(torch.zeros(2, 2, 3), lengths=torch.tensor([1, 2]))
    assert torch.equal(torch.get_rng_state(), before)
    assert choice.backend != "torch"
    assert ("no minGRU" if cell is MinGRU else "zoneout") in choice.reasons["torch"]


@each_cell
def test_what_does_not_fit_is_refused(cell: type[AbstractRecurrent]) -> None:
    """Shapes, dtypes, states and names that do not fit are refused with a sentence."""
    layer = cell(8, 4)
    with pytest.raises(ShapeError, match=r"\[B, T, I=8\], got \[4, 10, 6\]: set input_size=6"):
        layer(torch.zeros(4, 10, 6))
    with pytest.raises(ShapeError, match=r"expected x \[B, T, I=8\], got \[10, 8\]"):
        layer(torch.zeros(10, 8))
    with pytest.raises(ShapeError, match=r"step expected x_t \[B, I=8\], got \[4, 1, 8\]"):
        layer.step(torch.zeros(4, 1, 8), None)
    with pytest.raises(ShapeError, match=r"state's h \[B=4, H=4\], got \[3, 4\]"):
        layer(torch.zeros(4, 2, 8), layer.initial_state(3))
    wrong = (RNNState if cell is GRU else GRUState)(torch.zeros(4, 4))
    with pytest.raises(StateError, match=f"{cell.__name__} expected a state"):
        layer(torch.zeros(4, 2, 8), wrong)
    with pytest.raises(StateError, match="got Tensor"):
        layer(torch.zeros(4, 2, 8), torch.zeros(4, 4))
    with pytest.raises(DTypeError, match="float32"):
        layer(torch.zeros(4, 2, 8, dtype=torch.float64))
    with pytest.raises(ShapeError, match="lengths"):
        layer(torch.zeros(4, 2, 8), lengths=torch.tensor([1, 2, 3, 1]))
    with pytest.raises(BackendError, match="nonsense"):
        cell(8, 4, backend="nonsense")(torch.zeros(4, 2, 8))
    for arguments in (
        {"hidden_size": 0},
        {"input_size": 2.5},
        {"zoneout": 1.0},
        *([{"weight_dropout": -0.1}] if drops_weights(cell) else []),
        {"activation": "swish"},
        {"input_init": "xavier"},
        {"recurrent_init": "zeros"},
        {"bias_init": "ones"},
        {"chrono_length": 2},
    ):
        with pytest.raises(SpecError, match=next(iter(arguments))):
            cell(**{"input_size": 8, "hidden_size": 4, **arguments})


def test_autocast_leaves_the_recurrence_in_the_weights_dtype() -> None:
    """Under bfloat16 autocast a layer takes what a linear layer narrowed."""
    layer = GRU(4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        narrow = nn.Linear(3, 4)(torch.randn(2, 3, 3))
        y, end = layer(narrow)
    assert narrow.dtype == torch.bfloat16
    assert y.dtype == end.h.dtype == torch.float32


def test_functional_call_takes_other_weights() -> None:
    """torch.func can run a layer with weights that are not its own."""
    layer, x = layer_of("gru_after"), inputs()
    zeros = {name: torch.zeros_like(p) for name, p in layer.named_parameters()}
    y, _ = torch.func.functional_call(layer, zeros, (x,))
    assert not y.any()
