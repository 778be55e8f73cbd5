"""The yardstick computes as many multiply-adds as the layer's own products, and no peer's name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from benchmarks import contest
from benchmarks.contest import CASES
from benchmarks.layer import Layer
from benchmarks.products import product

SHAPE = (2, 3, 4, 5)


def multiplied(monkeypatch: pytest.MonkeyPatch, name: str) -> list[SimpleNamespace]:
    """The products that the yardstick of a case computes, in order."""
    found: list[SimpleNamespace] = []
    real = torch.mm

    def mm(a: torch.Tensor, b: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        sizes = (*a.shape, b.shape[1])
        found.append(SimpleNamespace(sizes=sizes, dtype=out.dtype, out=out.data_ptr()))
        return real(a, b, out=out)

    case = CASES[name]
    yardstick = case.yardstick(case.layer(SHAPE))
    assert yardstick is not None
    monkeypatch.setattr(torch, "mm", mm)
    yardstick.call()
    counted = sum(2 * one.sizes[0] * one.sizes[1] * one.sizes[2] for one in found)
    assert counted == yardstick.flops
    return found


@pytest.mark.parametrize(("name", "gates"), [("gru-inference", 3), ("lstm-inference", 4)])
def test_inference_has_one_product(name: str, gates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """[B*T, I+H] x [I+H, G*H]: input and recurrent product of every step together."""
    (one,) = multiplied(monkeypatch, name)
    assert one.sizes == (6, 9, gates * 5)
    assert one.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "rows"),
    [("gru-training", 15), ("gru-before-training", 15), ("lstm-training", 20), ("rnn-training", 5)],
)
def test_training_has_three(name: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward, dx and dW, each into memory of its own."""
    found = multiplied(monkeypatch, name)
    assert [one.sizes for one in found] == [(6, 9, rows), (6, rows, 9), (9, 6, rows)]
    assert len({one.out for one in found}) == 3


@pytest.mark.parametrize(
    ("reason", "dtype"), [(None, torch.bfloat16), ("no such processor", torch.float32)]
)
def test_bfloat16_is_held_against_bfloat16_where_ours_computes_it(
    reason: str | None, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere our products are float32, and an emulated one would flatter them."""
    monkeypatch.setattr(contest.kernels, "why_not_bfloat16", lambda: reason)
    assert {one.dtype for one in multiplied(monkeypatch, "gru-training-bf16")} == {dtype}


@pytest.mark.parametrize("name", ["mingru-training", "mingru-length", "gru-step", "gru-step-64"])
def test_others_have_none(name: str) -> None:
    """minGRU has no recurrent product, and a step is no sequence."""
    case = CASES[name]
    assert case.yardstick(case.layer((2, 1, 4, 5))) is None


def test_the_product_is_right() -> None:
    """Three products of what was drawn, not of zeros: the results are neither zero nor NaN."""
    one = product(Layer.random("gru", SHAPE), gradients=True, dtype=torch.float64)
    assert one is not None
    one.call()
    assert one.flops == 3 * 2 * 6 * 9 * 15


def test_whoever_is_left_out_is_not_even_loaded() -> None:
    """Its library's threads would be there all the same."""

    def loaded(_layer: Layer, _threads: int) -> None:
        raise AssertionError("loaded")

    case = contest.Case("gru", "f", {"other": loaded}, (), ())
    assert case.contenders(case.layer(SHAPE), 1, ["other"]) == {}
