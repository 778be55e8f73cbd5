"""A named backend computes the call or says why not; "auto" takes the first that can."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from draws import BACKENDS, CELLS, NATIVE, Cell, choices_of, compute, make, with_arrays

from recurra import kernels
from recurra.errors import BackendError, DTypeError
from recurra.ops import Choice, choice
from recurra.ops.call import Call

needs_tiles = pytest.mark.skipif(
    kernels.why_not_bfloat16() is not None, reason=f"no bfloat16: {kernels.why_not_bfloat16()}"
)
CASE = make("gru", choices_of("gru", "after"), dtype=torch.float32)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_auto_takes_the_first_that_can(cell: Cell) -> None:
    family, reset = cell
    call = make(family, choices_of(family, reset), names=("valid",))
    assert choice.choose(call, "auto").backend == BACKENDS[0]


def test_each_other_backend_has_its_reason() -> None:
    for backend in ("auto", *BACKENDS, "torch"):
        chosen = choice.choose(CASE, backend)
        assert backend in ("auto", chosen.backend)
        assert set(chosen.reasons) == set(choice.BACKENDS) - {chosen.backend}
        assert all(chosen.reasons.values())


def test_a_choice_is_one_sentence() -> None:
    text = str(Choice("torch", {"native": "no compiler", "reference": "slower"}, ("half as wide",)))
    assert text == "torch; half as wide; not native: no compiler; not reference: slower"


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(BackendError, match="must be auto, native, torch, reference; got 'cudnn'"):
        choice.choose(CASE, "cudnn")


@pytest.mark.skipif(NATIVE, reason="the native kernels are built")
def test_native_that_was_not_built_says_so() -> None:
    with pytest.raises(BackendError, match=r"'native' cannot compute this gru: .*not built"):
        compute(CASE, "native")


def test_native_says_that_it_runs_on_the_cpu() -> None:
    elsewhere = {n: a.to("meta") for n, a in CASE.arrays.items() if a is not None}
    with pytest.raises(BackendError, match=r"cannot compute this gru: .*(CPU|not built)"):
        choice.choose(with_arrays(CASE, **elsewhere), "native")


def test_higher_derivatives_are_noted() -> None:
    notes = choice.choose(CASE, "auto").notes
    assert any("derivatives" in note for note in notes) == NATIVE


@pytest.mark.parametrize("backend", [*BACKENDS, "torch", "auto"])
@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16])
def test_autocast_is_computed_in_the_dtype_of_the_weights(
    narrow: torch.dtype, backend: str
) -> None:
    """x arrives rounded to half precision; nothing after that is."""
    rounded = with_arrays(CASE, x=CASE.x.to(narrow))
    expected = compute(with_arrays(CASE, x=rounded.x.float()), backend)
    with torch.autocast("cpu", dtype=narrow):
        found = compute(rounded, backend)
        notes = choice.choose(CASE, backend).notes
    assert all(map(torch.equal, found, expected))
    assert any("autocast" in note for note in notes)
    assert not any("autocast" in note for note in choice.choose(CASE, backend).notes)


def test_gradients_under_autocast_reach_what_came_in() -> None:
    x = CASE.x.bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = compute(with_arrays(CASE, x=x), "auto")
        y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16


def with_products(products: str) -> Call:
    return replace(CASE, products=products)


@needs_tiles
def test_autocast_and_medium_precision_select_products_of_bfloat16() -> None:
    exact, rounded = compute(CASE, "auto"), compute(with_products("bfloat16"), "auto")
    assert not torch.equal(exact[0], rounded[0])
    assert torch.equal(compute(with_products("auto"), "auto")[0], exact[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(compute(with_products("auto"), "auto")[0], rounded[0])
        assert torch.equal(compute(CASE, "auto")[0], exact[0])
        assert "bfloat16" in str(choice.choose(choice.prepare(with_products("auto")), "auto"))
        for backend in ("torch", "reference"):
            call = choice.prepare(with_products("auto"), backend)
            assert f"and they are float32: {backend} computes it" in str(
                choice.choose(call, backend)
            )
    with torch.autocast("cpu", dtype=torch.float16):
        assert torch.equal(compute(with_products("auto"), "auto")[0], exact[0])
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert torch.equal(compute(with_products("auto"), "auto")[0], rounded[0])
        assert "matmul_precision" in str(choice.choose(choice.prepare(CASE), "auto"))
    finally:
        torch.set_float32_matmul_precision(before)


@needs_tiles
def test_gradients_under_autocast_are_those_of_rounded_products() -> None:
    found = []
    for call, narrow in ((with_products("bfloat16"), False), (with_products("auto"), True)):
        weight = CASE.needed("recurrent_weight").clone().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=narrow):
            y, _ = compute(with_arrays(call, recurrent_weight=weight), "auto")
        y.sum().backward()
        found.append(weight.grad)
    assert found[0] is not None
    assert torch.equal(*found)


@needs_tiles
def test_the_backward_pass_rounds_as_the_forward_pass_did() -> None:
    """Gradients of rounded products are the kernel's own rounded ones, not those of float32."""
    call = with_products("bfloat16")
    weight = CASE.needed("recurrent_weight").clone().requires_grad_()
    y, _ = compute(with_arrays(call, recurrent_weight=weight), "native")
    y.sum().backward()
    arrays = {name: a.numpy() for name, a in CASE.arrays.items() if a is not None}
    words = {**CASE.choices, "products": "bfloat16"}
    *_, kept = kernels.gru.forward(**arrays, **words, keep=True)
    ones, zeros = torch.ones_like(y).numpy(), torch.zeros_like(CASE.needed("h0")).numpy()
    expected = kernels.gru.backward(kept, ones, zeros, **arrays, **words).recurrent_weight
    assert weight.grad is not None
    assert weight.grad.numpy().tobytes() == expected.tobytes()


@needs_tiles
def test_rounded_products_compile_without_a_graph_break() -> None:
    weight = CASE.needed("recurrent_weight").clone().requires_grad_()

    def run(x: torch.Tensor) -> torch.Tensor:
        return choice.run(
            replace(
                with_products("auto"), arrays={**CASE.arrays, "x": x, "recurrent_weight": weight}
            ),
            "auto",
        )[0]

    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = run(CASE.x)
        found = torch.compile(run, fullgraph=True, backend="aot_eager")(CASE.x)
    assert torch.equal(expected, found)


def test_named_products_that_cannot_be_computed_are_refused() -> None:
    with pytest.raises(BackendError, match=r"products='bfloat16' .*'reference' has none"):
        compute(with_products("bfloat16"), "reference")
    with pytest.raises(BackendError, match="products must be auto, float32, bfloat16; got 'half'"):
        compute(with_products("half"), "auto")
    wide = make("gru", choices_of("gru", "after"), dtype=torch.float64)
    with pytest.raises(BackendError, match=r"its arrays are torch.float64"):
        compute(replace(wide, products="bfloat16"), "auto")


def test_half_precision_without_autocast_is_refused() -> None:
    with pytest.raises(DTypeError, match="x in float32 or float64, got bfloat16"):
        choice.run(with_arrays(CASE, x=CASE.x.bfloat16()), "auto")


def test_prepare_refuses_what_is_no_tensor() -> None:
    arguments = {**CASE.arrays, **CASE.choices, "x": [[1.0]]}
    with pytest.raises(DTypeError, match="x as a torch tensor, got list"):
        choice.prepare(Call.of("gru", arguments))


def test_what_asks_for_bfloat16_is_told_the_dtype_that_it_gets() -> None:
    wide = make("gru", choices_of("gru", "after"), dtype=torch.float64)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        told = str(choice.choose(choice.prepare(wide), "auto"))
    finally:
        torch.set_float32_matmul_precision(before)
    assert "they are float64: its arrays are torch.float64" in told
