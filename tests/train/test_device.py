"""Trainings of different precision follow one another, and the caller's settings come back."""

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from recurra.train.device import accelerator_for, real_dtype, threads_of


def test_precisions_follow_one_another() -> None:
    seen = []
    for precision in ("float32", "bfloat16", "float64"):
        with accelerator_for(precision, "auto") as accelerator:
            seen.append(accelerator.mixed_precision)
    assert seen == ["no", "bf16", "no"]


def test_the_callers_own_accelerator_is_left_alone() -> None:
    own = Accelerator(cpu=True, mixed_precision="bf16")
    try:
        with accelerator_for("float32", "auto") as accelerator:
            assert accelerator.mixed_precision == "no"
        assert own.mixed_precision == "bf16"
        assert Accelerator(cpu=True).mixed_precision == "bf16"
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)


def test_native_kernels_stay_on_the_cpu() -> None:
    with accelerator_for("float32", "native") as accelerator:
        assert accelerator.device.type == "cpu"


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with threads_of(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(KeyError), threads_of(1):
        raise KeyError
    assert torch.get_num_threads() == before


def test_zero_threads_is_torchs_choice() -> None:
    before = torch.get_num_threads()
    with threads_of(0):
        assert torch.get_num_threads() == before


def test_bfloat16_keeps_float32_weights() -> None:
    dtypes = [real_dtype(p) for p in ("float32", "float64", "bfloat16")]
    assert dtypes == [torch.float32, torch.float64, torch.float32]
