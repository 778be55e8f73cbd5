"""PyTorch's kernels take what they can do, refuse the rest with the reason, and never round it."""

from __future__ import annotations

import pytest
import torch
from draws import Cell, choices_of, compute, make, with_arrays

from recurra.errors import BackendError
from recurra.ops import fused

BOTH = ("input_bias", "recurrent_bias")


@pytest.mark.parametrize(
    ("cell", "more", "names", "reason"),
    [
        (("gru", "before"), {}, (), "no GRU with reset='before'"),
        (("gru", "none"), {}, (), "no GRU with reset='none'"),
        (("gru", "after"), {"activation": "relu"}, (), "no gru with activation='relu'"),
        (("lstm", None), {"gate_activation": "hard_sigmoid"}, (), "no gates with 'hard_sigmoid'"),
        (("rnn", None), {"activation": "softsign"}, (), "no rnn with activation='softsign'"),
        (("gru", "after"), {}, ("valid",), "takes no valid"),
        (("gru", "after"), {}, ("starts",), "takes no starts"),
        (("gru", "after"), {}, ("decay",), "takes no decay"),
        (("lstm", None), {}, ("zoneout_c",), "takes no zoneout_c"),
        (("rnn", None), {}, ("recurrent_dropout",), "takes no recurrent_dropout"),
        (("lstm", None), {}, ("lengths",), "c of the last step only"),
    ],
)
def test_what_it_cannot_do_is_refused(
    cell: Cell, more: dict[str, object], names: tuple[str, ...], reason: str
) -> None:
    family, reset = cell
    call = make(family, choices_of(family, reset, **more), names=names)
    with pytest.raises(BackendError, match=reason):
        compute(call, "torch")


@pytest.mark.parametrize("sizes", [{"steps": 0}, {"batch": 0}])
def test_empty_sequences_are_refused(sizes: dict[str, int]) -> None:
    call = make("gru", choices_of("gru", "after"), **sizes)
    assert "empty" in str(fused.why_not(call))


@pytest.mark.parametrize("family", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("names", [(), BOTH, BOTH[:1], BOTH[1:]], ids=str)
def test_either_bias_may_be_missing(family: str, names: tuple[str, ...]) -> None:
    call = make(family, choices_of(family, "after"), names=names)
    for ours, theirs in zip(compute(call, "torch"), compute(call, "reference"), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("family", ["gru", "rnn"])
def test_nan_in_the_padding_reaches_nothing(family: str, dtype: torch.dtype, reverse: bool) -> None:
    choices = choices_of(family, "after", reverse=reverse)
    call = with_arrays(make(family, choices, dtype=dtype), lengths=torch.tensor([5, 0, 3]))
    spoilt = call.x.clone()
    spoilt[1], spoilt[2, 3:] = torch.nan, torch.nan
    spoilt.requires_grad_()
    weight = call.arrays["input_weight"].requires_grad_()
    y, h = compute(with_arrays(call, x=spoilt), "torch")
    assert all(map(torch.equal, (y, h), compute(call, "torch")))
    leaves = [weight, *(call.needed(n).requires_grad_() for n in ("x", "h0", "recurrent_weight"))]
    clean_y, clean_h = compute(call, "torch")
    wanted = torch.autograd.grad(clean_y.sum() + clean_h.sum(), leaves)
    y, h = compute(with_arrays(call, x=spoilt), "torch")
    found = torch.autograd.grad(y.sum() + h.sum(), [weight, spoilt, *leaves[2:]])
    assert all(map(torch.equal, found, wanted))


def test_transforms_are_refused_with_the_reason() -> None:
    call = make("rnn", choices_of("rnn", None))
    with pytest.raises(BackendError, match=r"no torch\.func transform"):
        torch.func.vmap(lambda x: compute(with_arrays(call, x=x), "torch"))(call.x[None])
