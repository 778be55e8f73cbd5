"""A certificate says what was measured, and a model that breaks one promise gets none."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from recurra.codecs import Cases, cases_from_arrays
from recurra.errors import CertificateError
from recurra.runtime import AbstractModel, Network, Parts, model_of
from recurra.spec.report import CERTIFICATE_CLAIMS, Certificate
from recurra.spec.settings import Settings
from recurra.train import certificate
from recurra.train.certificate import PROMISED_BITWISE, PROMISED_TORCH, certify
from recurra.train.evaluate import model_in_torch
from recurra.train.fit import Fitted, fit_cases


def series(count: int = 8) -> Cases:
    generator = np.random.default_rng(1)
    x = [generator.normal(size=(int(generator.integers(1, 9)), 2)) + k % 2 for k in range(count)]
    return cases_from_arrays(x, [k % 2 for k in range(count)])


def texts() -> Cases:
    words = ["good film", "bad film", "a good one", "so bad a film"] * 2
    return cases_from_arrays(words, ["yes", "no", "yes", "no"] * 2)


def fitted(cases: Cases, **settings: Any) -> Fitted:
    return fit_cases(cases, Settings.from_flat({"epochs": 1, "hidden": 4, **settings}))


def model(trained: Fitted) -> AbstractModel:
    weights = {name: value.numpy() for name, value in trained.module.state_dict().items()}
    decoder = trained.task.decoder(trained.codec)
    return model_of(Parts(trained.task.name, trained.graphs, weights, trained.codec, decoder))


def certified(made: AbstractModel, trained: Fitted, cases: Cases) -> Certificate:
    torch_side = model_in_torch(trained.module, trained.task, trained.graphs, trained.codec)
    return certify(made, torch_side, cases)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    ("cases", "settings"),
    [
        (series, {"cell": "gru"}),
        (series, {"cell": "gru", "reset": "before", "layers": 2, "residual": True}),
        (series, {"cell": "lstm", "zoneout": 0.1, "learn_initial_state": True}),
        (series, {"cell": "rnn", "activation": "relu", "pool": ("max", "mean", "last")}),
        (series, {"cell": "mingru", "layers": 2, "residual": True, "learn_initial_state": True}),
        (series, {"cell": "gru", "bidirectional": True}),
        (texts, {"cell": "gru", "symbol": "word", "embedding": 3}),
        (texts, {"cell": "lstm", "dropout": 0.2, "embedding": 3}),
    ],
)
def test_every_kind_of_model_keeps_every_promise(
    cases: Any, settings: Mapping[str, Any], precision: str
) -> None:
    trained = fitted(cases(), precision=precision, **settings)
    found = certified(model(trained), trained, cases())
    assert tuple(found["claims"]) == CERTIFICATE_CLAIMS
    assert found["dtype"] == precision
    for name, claim in found["claims"].items():
        bitwise = name != "runtime_vs_torch"
        assert claim["promised"] == (PROMISED_BITWISE if bitwise else PROMISED_TORCH[precision])
        if settings.get("bidirectional") and name in ("step_vs_whole", "chunked_vs_whole"):
            assert claim["max_abs_diff"] is None
            assert "backward direction" in claim["note"]
        else:
            assert claim["max_abs_diff"] is not None
            assert claim["max_abs_diff"] <= claim["promised"]


def test_numbers_are_compared_in_the_scale_of_training() -> None:
    x = series().inputs
    cases = cases_from_arrays(list(x), [1e6 * k for k in range(len(x))], target="number")
    trained = fitted(cases)
    found = certified(model(trained), trained, cases)
    difference = found["claims"]["runtime_vs_torch"]["max_abs_diff"]
    assert difference is not None
    assert difference < 1e-5


def test_torch_with_other_weights_is_noticed() -> None:
    trained = fitted(series())
    made = model(trained)
    with torch.no_grad():
        trained.module.get_parameter("head.bias")[0] += 1e-3
    with pytest.raises(CertificateError, match=r"runtime_vs_torch differs by .* at most 1e-05"):
        certified(made, trained, series())


class Faulty(Network):
    """Breaks one sameness by one bit."""

    def __init__(self, broken: str, network: Network) -> None:
        self.__dict__.update(network.__dict__)
        self.broken = broken

    def __call__(self, inputs: Any, state: Any = None, **steps: Any) -> Any:
        outputs, after = super().__call__(inputs, state, **steps)
        batch, time = inputs["x"].shape[:2]
        wrong = {
            "chunked_vs_whole": state is not None,
            "one_vs_many": batch > 1,
            "padded_vs_unpadded": batch == 1 and time > 1 and "lengths" in steps,
        }
        return self._nudged(outputs, wrong.get(self.broken, False)), after

    def step(self, inputs_t: Any, state: Any, **steps: Any) -> Any:
        outputs, after = super().step(inputs_t, state, **steps)
        return self._nudged(outputs, self.broken == "step_vs_whole"), after

    def _nudged(self, outputs: dict[str, Any], wrong: bool) -> dict[str, Any]:
        if not wrong:
            return outputs
        return {name: np.nextafter(array, np.inf) for name, array in outputs.items()}


@pytest.mark.parametrize("broken", [name for name in CERTIFICATE_CLAIMS if "torch" not in name])
def test_one_bit_is_noticed(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = fitted(series())
    made = model(trained)
    # A case of one step would be neither chunked nor padded by the faulty network's own rule.
    cases = series().subset([k for k, x in enumerate(series().inputs) if len(x) > 3])
    # Answers of whole cases always come with lengths; here only the padded call is to be wrong.
    monkeypatch.setattr(made, "answers", model_of(made.parts).answers)
    made.networks = {"main": Faulty(broken, made.network)}
    with pytest.raises(CertificateError, match=broken):
        certified(made, trained, cases)


class Multiplies(Network):
    """Multiplies padding by zero instead of leaving it out: 0 * NaN is NaN."""

    def __init__(self, network: Network) -> None:
        self.__dict__.update(network.__dict__)

    def __call__(self, inputs: Any, state: Any = None, **steps: Any) -> Any:
        outputs, after = super().__call__(inputs, state, **steps)
        nothing = 0.0 * inputs["x"].sum(axis=(1, 2))[:, None]
        return {name: array + nothing for name, array in outputs.items()}, after


def test_padding_that_is_only_multiplied_away_is_noticed() -> None:
    trained = fitted(series())
    made = model(trained)
    made.networks = {"main": Multiplies(made.network)}
    with pytest.raises(CertificateError, match="padded_vs_unpadded differs by inf"):
        certified(made, trained, series())


def test_an_answer_that_is_not_finite_is_noticed() -> None:
    assert certificate._largest(np.array([1.0]), np.array([np.nan])) == np.inf
    assert certificate._largest(np.array([1.0, 2.0]), np.array([1.0, 1.5])) == 0.5


def test_long_cases_are_cut() -> None:
    generator = np.random.default_rng(1)
    x = [generator.normal(size=(n, 2)) for n in (600, 700)]
    cases = cases_from_arrays(x, ["a", "b"])
    trained = fitted(cases, valid_fraction=0.0)
    witnesses = [certificate._Witness.of(model(trained), x) for x in cases.inputs]
    assert [w.runs[0].length for w in witnesses] == [512, 512]
    assert [len(w.model.observations(w.raw)) for w in witnesses] == [512, 512]
