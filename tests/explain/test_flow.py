"""The norms are those of the exact Jacobians: differences, autograd and closed forms agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from recurra.errors import ShapeError, SpecError
from recurra.explain import Flow, flow, flow_by_differences, flows, loss_flows
from recurra.layers import GRU, GRUD, LSTM, RNN, Bidirectional, Linear, MinGRU, Stack
from recurra.spec.state import GRUState

CELLS = [GRU, LSTM, RNN, MinGRU]
B, T, C, H = 2, 7, 3, 4


def layer_of(cell: Any, **choices: Any) -> Any:
    torch.manual_seed(5)
    return cell(C, H, dtype=torch.float64, **choices)


def x_of(time: int = T) -> torch.Tensor:
    return torch.randn(B, time, C, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("norm", ["spectral", "frobenius"])
@pytest.mark.parametrize("cell", CELLS)
def test_it_is_what_differences_give(cell: Any, norm: Any) -> None:
    layer, x = layer_of(cell), x_of()
    found = flow(layer, x, norm=norm).norms
    for t in (0, 3, T - 1):
        expected = flow_by_differences(layer, x, t, norm=norm)
        assert set(expected) == set(found) == ({"h", "c", "state"} if cell is LSTM else {"h"})
        for name, values in expected.items():
            np.testing.assert_allclose(found[name][:, t], values, rtol=1e-8)


@pytest.mark.parametrize(
    ("cell", "choices"),
    [
        (GRU, {"reset": "before"}),
        (GRU, {"reset": "none", "activation": "relu", "learn_initial_state": True}),
        (GRU, {"zoneout": 0.3}),
        (LSTM, {"zoneout": 0.2, "zoneout_cell": 0.4, "weight_dropout": 0.5}),
        (RNN, {"activation": "relu", "bias": False}),
    ],
)
def test_variants_in_evaluation_mode(cell: Any, choices: dict[str, Any]) -> None:
    """Zoneout is its expectation and dropout is off, whatever the layer's own mode is."""
    layer, x = layer_of(cell, **choices).train(), x_of()
    found = flow(layer, x).norms
    assert layer.training
    for name, values in flow_by_differences(layer, x, 2).items():
        np.testing.assert_allclose(found[name][:, 2], values, rtol=1e-8)


def test_it_begins_at_one() -> None:
    """dh_T / dh_T is the identity: 1 spectral, sqrt(H) Frobenius."""
    assert np.all(flow(layer_of(GRU), x_of()).log10["h"][:, -1] == 0)
    frobenius = flow(layer_of(GRU), x_of(), norm="frobenius").norms["h"][:, -1]
    np.testing.assert_allclose(frobenius, H**0.5, rtol=1e-12)


def test_a_closed_form_beyond_the_range_of_float32() -> None:
    """A linear RNN with U = s Q, Q orthogonal: |dh_T / dh_t| = s^(T - t), 1e-180 included."""
    for scale in (0.5, 3.0):
        layer = RNN(1, 2, activation="identity")
        with torch.no_grad():
            layer.recurrent_weight.copy_(scale * torch.tensor([[0.6, -0.8], [0.8, 0.6]]))
            layer.input_weight.zero_()
        found = flow(layer, torch.zeros(1, 601, 1))
        assert layer.recurrent_weight.dtype == torch.float32
        expected = np.log10(scale) * np.arange(600, -1, -1)
        np.testing.assert_allclose(found.log10["h"][0], expected, rtol=1e-5, atol=1e-6)


def test_lengths_starts_and_valid() -> None:
    """T is the row's own; padding is not read; a start cuts; a skipped step passes on."""
    layer, x = layer_of(LSTM), x_of()
    lengths = torch.tensor([4, T])
    padded = x.clone()
    padded[0, 4:] = torch.nan
    found = flow(layer, padded, lengths=lengths)
    alone = flow(layer, x[:1, :4])
    for name in ("h", "c", "state"):
        np.testing.assert_allclose(found.log10[name][0, :4], alone.log10[name][0], rtol=1e-12)
        assert np.isnan(found.log10[name][0, 4:]).all()
        assert not np.isnan(found.log10[name][1]).any()

    starts = torch.zeros(B, T, dtype=torch.bool)
    starts[:, 3] = True
    cut = flow(layer, x, starts=starts).log10["h"]
    assert np.isneginf(cut[:, :3]).all()
    np.testing.assert_allclose(cut[:, 3:], flow(layer, x[:, 3:]).log10["h"], rtol=1e-12)

    valid = torch.ones(B, T, dtype=torch.bool)
    valid[:, 5] = False
    skipped = flow(layer, x, valid=valid).log10["state"]
    rest = flow(layer, torch.cat((x[:, :5], x[:, 6:]), 1)).log10["state"]
    np.testing.assert_array_equal(skipped[:, 4], skipped[:, 5])
    np.testing.assert_allclose(np.delete(skipped, 5, 1), rest, rtol=1e-12)


def test_reverse_is_the_turned_sequence() -> None:
    layer, x = layer_of(GRU), x_of()
    turned = flow(layer, x.flip(1)).log10["h"][:, ::-1]
    back = flow(layer, x, reverse=True)
    np.testing.assert_allclose(back.log10["h"], turned, rtol=1e-12)
    # A segment that starts at 3 ends, read backwards, with the step 3: the step 2 begins anew.
    starts = torch.zeros(B, T, dtype=torch.bool)
    starts[:, 3] = True
    cut = flow(layer, x, starts=starts, reverse=True).log10["h"]
    assert np.isneginf(cut[:, 3:]).all()
    assert np.isfinite(cut[:, :3]).all()


def test_a_passed_state_counts() -> None:
    layer, x = layer_of(GRU), x_of()
    _, middle = layer(x[:, :3])
    whole = flow(layer, x).log10["h"]
    rest = flow(layer, x[:, 3:], GRUState(middle.h.detach())).log10["h"]
    np.testing.assert_allclose(rest, whole[:, 3:], rtol=1e-12)


def test_every_layer_of_a_stack_along_its_own_recurrence() -> None:
    lower, upper = layer_of(GRU), LSTM(H, 3, dtype=torch.float64)
    stack, x = Stack([lower, upper], dropout=0.5), x_of()
    found = flows(stack.train(), x)
    assert set(found) == {"layers.0", "layers.1"}
    assert stack.training
    np.testing.assert_array_equal(found["layers.0"].log10["h"], flow(lower, x).log10["h"])
    above = flow(upper, lower(x)[0]).log10
    np.testing.assert_array_equal(found["layers.1"].log10["c"], above["c"])


def test_both_directions() -> None:
    ahead, back = layer_of(GRU), GRU(C, H, dtype=torch.float64)
    lengths = torch.tensor([5, T])
    found = flows(Bidirectional(ahead, back), x_of(), lengths=lengths)
    assert [found[f"{side}_cell"].reverse for side in ("forward", "backward")] == [False, True]
    # Read backwards a row ends with the step 0.
    assert np.all(found["backward_cell"].log10["h"][:, 0] == 0)
    assert np.all(found["forward_cell"].log10["h"][[0, 1], lengths.numpy() - 1] == 0)


def test_the_decay_of_a_grud_takes_part() -> None:
    """With every feature unseen for ever longer, h is decayed, and so is its gradient."""
    torch.manual_seed(2)
    layer = GRUD(GRU(4, H, reset="before", dtype=torch.float64))
    x, observed = torch.zeros(B, T, 2).double(), torch.zeros(B, T, 2, dtype=torch.bool)
    near, far = (
        flow(layer, (x, observed, torch.full((B, T, 1), elapsed).double())).log10["h"][:, 0]
        for elapsed in (0.0, 30.0)
    )
    assert np.all(far < near - 5)


class Head(torch.nn.Module):
    """What reads a cell's outputs, its last state, and a part of the steps."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer, self.head = layer, Linear(H, 1, dtype=torch.float64)

    def loss(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        y, end = self.layer(x, lengths=lengths)
        loss: torch.Tensor = self.head(y)[0].tanh().square().sum() + (end[-1] ** 3).sum()
        return loss


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_of_a_loss_is_autograd_s(cell: Any) -> None:
    """Steps called one by one, whose states keep their gradients, give the same norms."""
    module, x = Head(layer_of(cell)), x_of()
    lengths = torch.tensor([T, 4])
    found = loss_flows(module, lambda: module.loss(x, lengths))["layer"]
    state, states, outputs = module.layer.initial_state(B), [], []
    for t in range(T):
        valid = lengths > t
        y, state = module.layer.step(x[:, t], state, valid=valid)
        for slot in state:
            slot.retain_grad()
        states.append(state)
        outputs.append(torch.where(valid[:, None], y, 0.0))
    # `y` is h itself here: so the head must read the state for its gradient to be h's.
    read = torch.stack(
        [torch.where((lengths > t)[:, None], s.h, 0.0) for t, s in enumerate(states)], 1
    )
    loss = module.head(read)[0].tanh().square().sum() + (state[-1] ** 3).sum()
    loss.backward()
    for name in state._fields:
        for t in range(T):
            expected = getattr(states[t], name).grad.norm(dim=1)
            for row in range(B):
                if t < lengths[row]:
                    np.testing.assert_allclose(
                        found.norms[name][row, t], expected[row], rtol=1e-9, err_msg=f"{name} {t}"
                    )
        assert np.isnan(found.log10[name][1, 4:]).all()
    assert found.norm == "euclidean"


def test_the_gradients_of_the_module_are_left_alone() -> None:
    module = Head(layer_of(GRU)).train()
    loss_flows(module, lambda: module.loss(x_of(), torch.tensor([T, T])))
    assert all(parameter.grad is None for parameter in module.parameters())
    assert module.training
    assert not module.layer._forward_hooks


def test_frozen_weights_still_have_a_flow() -> None:
    module = Head(layer_of(LSTM)).requires_grad_(False)
    found = loss_flows(module, lambda: module.loss(x_of(), torch.tensor([T, T])))
    assert np.isfinite(found["layer"].log10["c"]).all()


def test_calls_that_follow_one_another() -> None:
    """The state that a call passes on carries the gradient of the next one."""
    layer, x = layer_of(GRU), x_of()

    def chunked() -> torch.Tensor:
        _, state = layer(x[:, :3])
        y, _ = layer(x[:, 3:], state)
        last: torch.Tensor = y[:, -1].sum()
        return last

    whole = loss_flows(layer, lambda: layer(x)[0][:, -1].sum())[""]
    np.testing.assert_allclose(
        loss_flows(layer, chunked)[""].log10["h"], whole.log10["h"], rtol=1e-10
    )


def test_the_mean_over_rows_by_distance_from_the_end() -> None:
    found = Flow({"h": np.array([[-3.0, -1.0, 0.0], [-4.0, 0.0, np.nan]])}, "spectral")
    np.testing.assert_array_equal(found.by_distance(), [0.0, -2.5, -3.0])
    assert (found.reach(0.01), found.reach(0.001), found.reach(1e-9)) == (0, 2, 2)
    back = Flow({"h": np.array([[0.0, -1.0, np.nan]])}, "spectral", reverse=True)
    np.testing.assert_array_equal(back.by_distance(), [0.0, -1.0, np.nan])


def test_what_cannot_be_told_is_refused() -> None:
    layer, x = layer_of(GRU), x_of()
    with pytest.raises(SpecError, match=r"take flows\(module"):
        flow(Stack([layer]), x)  # type: ignore[arg-type]  # it is refused
    with pytest.raises(SpecError, match="spectral or frobenius"):
        flow(layer, x, norm="max")  # type: ignore[arg-type]  # it is refused
    with pytest.raises(SpecError, match="called no GRU"):
        flows(torch.nn.GRU(C, H), x.float())
    with pytest.raises(SpecError, match="depends on no recurrent layer"):
        loss_flows(layer, lambda: layer(x)[0].detach().sum())
    with pytest.raises(ShapeError, match="I=3"):
        flow(layer, x[..., :2])

    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> Any:
            return self.layer(x), self.layer(x)

    with pytest.raises(SpecError, match="called 2 times"):
        flows(Twice(), x)


def test_what_is_not_finite_stays_in_its_row() -> None:
    x = x_of()
    x[0, 5] = torch.nan
    found = flow(layer_of(GRU), x).log10["h"]
    assert np.isnan(found[0, :5]).all()
    np.testing.assert_array_equal(found[1], flow(layer_of(GRU), x_of()).log10["h"][1])
