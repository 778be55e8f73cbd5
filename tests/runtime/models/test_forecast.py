"""A forecasting model answers in units, alike alone and among others, beside naive forecasts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs.forecast import History
from recurra.codecs.forecast_fit import fit_forecast_codec
from recurra.codecs.forecast_table import SeriesCases
from recurra.decode.forecast import ForecastDecoder
from recurra.errors import BundleError, DataError, ShapeError, SpecError
from recurra.metrics.baselines import fit_linear_map
from recurra.runtime.models.forecast import BASELINE, ForecastModel
from recurra.runtime.parts import Parts
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Linear, Pool
from recurra.spec.settings import Settings

TIMES = 1_704_067_200.0 + 3600.0 * np.arange(90)
RANDOM = np.random.default_rng(0)
VALUES = RANDOM.normal([50, 3, 0], [10, 1, 1], (90, 3))
LEVELS = (0.1, 0.5, 0.9)


def cases(*parts: slice, known: bool = False) -> SeriesCases:
    chosen = parts or (slice(0, 90),)
    columns = 3 if known else 2
    return SeriesCases(
        "series",
        tuple(VALUES[part, :columns] for part in chosen),
        ("a", "b", "k")[:columns],
        tuple(f"s{k}" for k in range(len(chosen))) if len(chosen) > 1 else ("0",),
        "f",
        times=tuple(TIMES[part] for part in chosen),
        target_names=("a", "b"),
        known_names=("k",) if known else (),
        dated=True,
    )


def model(*, known: bool = False, seed: int = 0, **settings: Any) -> ForecastModel:
    plain = {"task": "forecast", "horizon": 4, "lookback": 12, "segment": 3, "season": 6}
    chosen = Settings.from_flat(plain | settings)
    codec = fit_forecast_codec(cases(known=known), chosen)
    levels = () if chosen.model.distribution == "point" else LEVELS
    decoder = ForecastDecoder(
        ahead=codec.ahead,
        outputs=codec.cut.outputs,
        distribution=chosen.model.distribution,
        levels=levels,
    )
    width = codec.cut.step_width
    main = Graph(
        {"x": Signal("steps", width)},
        (
            Step("encoder", GRUCell(input_size=width, hidden_size=6), ("x",)),
            Step("pool", Pool(size=6), ("encoder",)),
            Step("head", Linear(input_size=6, output_size=decoder.width), ("pool",)),
        ),
        ("head",),
    )
    line = Linear(input_size=codec.lookback, output_size=codec.horizon)
    baseline = Graph(
        {"window": Signal("row", codec.lookback)},
        (Step(BASELINE, line, ("window",)),),
        (BASELINE,),
    )
    random = np.random.default_rng(seed)
    weights = {
        path: random.normal(0, 0.5, shape).astype(np.float32)
        for path, shape in main.parameters().items()
    }
    windows = codec.rolling(cases(known=known), ahead=codec.ahead, reach=codec.horizon)
    for name, value in zip(("weight", "bias"), fit_linear_map(windows), strict=True):
        weights[f"{BASELINE}.{name}"] = value.astype(np.float32)
    graphs = {"main": main, BASELINE: baseline}
    return ForecastModel(Parts("forecast", graphs, weights, codec, decoder))


FORMS: list[dict[str, Any]] = [
    {},
    {"channels": "joint", "normalise": "window", "distribution": "gaussian"},
    {"distribution": "student", "scaling": "robust"},
    {"distribution": "quantiles", "calendar": ("hour",)},
    {"decoding": "recursive", "calendar": ("weekday",)},
    {"decoding": "recursive", "segment": 1, "normalise": "none", "channels": "joint"},
    {"missing": "mask"},
    {"missing": "mean", "channels": "joint"},
    {"segment": 1, "normalise": "none"},
]


@pytest.mark.parametrize("form", FORMS)
def test_one_history_is_answered_as_among_others_to_the_bit(form: dict[str, Any]) -> None:
    own = model(**form)
    histories = [History(VALUES[a:b, :2], TIMES[a:b]) for a, b in ((0, 40), (3, 5), (7, 61))]
    together = own(histories)
    for history, answer in zip(histories, together, strict=True):
        alone = own(history)
        quantiles = len(own.decoder.levels)
        assert alone.values.shape == (4, 2, 1 + quantiles)
        assert alone.values.tobytes() == answer.values.tobytes()
        assert alone.time == history.times[-1]


@pytest.mark.parametrize("form", FORMS)
def test_rolling_forecasts_are_those_from_each_row(form: dict[str, Any]) -> None:
    """Except where a state is carried, the look-back alone decides."""
    own = model(**form)
    windows = own.encoded(cases())
    answers = own.answers(windows)
    for k in (0, 33, len(windows) - 1):
        last = int(windows.origins[k, 1])
        begin = last - 11 if own.codec.carried else 0
        alone = own(History(VALUES[begin : last + 1, :2], TIMES[begin : last + 1]))
        assert answers[k].values.tobytes() == alone.values.tobytes()


def test_a_shifted_series_has_a_shifted_forecast() -> None:
    """What the last value normalises comes back in units."""
    own = model(scaling="none")
    plain = own(VALUES[:40, :2]).points
    moved = own(VALUES[:40, :2] + [100, -7]).points
    np.testing.assert_allclose(moved, plain + np.array([100, -7]), rtol=1e-5)


def test_a_recursive_forecast_reads_its_own_rows_again() -> None:
    own = model(decoding="recursive", segment=2, channels="joint")
    history = VALUES[:40, :2].copy()
    whole = own(history).points
    first = own(history).points[:2]
    rest = own(np.concatenate([history, first])).points[:2]
    np.testing.assert_allclose(whole, np.concatenate([first, rest]), rtol=1e-4)


def test_figures_stand_beside_those_of_naive_forecasts() -> None:
    own = model(distribution="quantiles")
    windows = own.encoded(cases())
    answers = own.answers(windows)
    figures = own.figures(answers, windows, cases())
    truth = np.stack([VALUES[t + 1 : t + 5, :2] for t in windows.origins[:, 1]])
    points = np.stack([answer.points for answer in answers])
    assert figures["mse"] == pytest.approx(np.mean((points - truth) ** 2))
    last = np.stack([VALUES[[t], :2] for t in windows.origins[:, 1]])
    assert figures["last_value_mae"] == pytest.approx(np.mean(np.abs(last - truth)))
    season = np.stack([VALUES[t - 5 : t - 1, :2] for t in windows.origins[:, 1]])
    assert figures["seasonal_naive_mse"] == pytest.approx(np.mean((season - truth) ** 2))
    assert figures["interval"] == pytest.approx(0.8)
    assert 0 <= figures["coverage"] <= 1
    # Fitted on these very windows, the linear map is better than repeating the last value.
    assert figures["linear_mse"] < figures["last_value_mse"]
    ((_, *rows),) = own.tables(answers, windows, cases())
    assert [row[0] for row in rows] == ["network", "last value", "seasonal naive", "linear"]


def test_a_network_that_loses_is_named() -> None:
    own = model()
    windows = own.encoded(cases())
    figures = own.figures(own.answers(windows), windows, cases())
    assert "the network loses to linear: " in " ".join(own.remarks(figures))
    better = figures | dict.fromkeys(("mae", "mse", "mase"), 0.0)
    assert own.remarks(better) == []
    # Of a constant series every forecast is right, and none loses.
    assert own.remarks(dict.fromkeys(figures, 0.0)) == []


def test_every_series_has_its_own_scaling() -> None:
    both = cases(slice(0, 40), slice(40, 90))
    moved = replace(both, inputs=(both.inputs[0], both.inputs[1] * 100 + 7))
    own = model()
    settings = Settings.from_flat(
        {"task": "forecast", "horizon": 4, "lookback": 12, "segment": 3, "season": 6}
    )

    def answers(given: SeriesCases) -> list[Any]:
        found: list[Any] = ForecastModel(
            replace(own.parts, codec=fit_forecast_codec(given, settings))
        )(given)
        return found

    plain, scaled = answers(both), answers(moved)
    np.testing.assert_allclose(scaled[0].values, plain[0].values)
    np.testing.assert_allclose(scaled[1].values, plain[1].values * 100 + 7, rtol=1e-5)
    table = own.table_of(both.ids, plain)
    assert table["id"].to_list() == ["s0"] * 4 + ["s1"] * 4


def test_answers_are_written_with_their_times() -> None:
    own = model(distribution="gaussian")
    answer = own(History(VALUES[:3, :2], TIMES[:3]))
    told = own.object_of(answer)
    assert told["time"][:2] == ["2024-01-01T03:00:00", "2024-01-01T04:00:00"]
    assert list(told) == ["time", "forecast", "0.1", "0.5", "0.9"]
    assert told["forecast"]["a"] == answer.points[:, 0].tolist()
    table = own.table_of(["x"], [answer])
    assert table.columns == [
        *("id", "step", "time", "a", "a_0.1", "a_0.5", "a_0.9"),
        *("b", "b_0.1", "b_0.5", "b_0.9"),
    ]
    assert table["step"].to_list() == [1, 2, 3, 4]
    assert "time" not in own.object_of(own(VALUES[:9, :2]))


def test_known_covariates_decide() -> None:
    own = model(known=True)
    values = VALUES[:44].copy()
    values[40:, :2] = np.nan
    plain = own(History(values)).points
    values[42, 2] += 3
    assert (own(History(values)).points != plain).any()
    with pytest.raises(DataError, match="expected 4 rows behind the history with k"):
        own(History(values[:42]))


def test_what_is_no_history_is_refused() -> None:
    own = model()
    with pytest.raises(ShapeError, match="at least one history"):
        own([])
    with pytest.raises(ShapeError, match=r"F=2\]"):
        own(VALUES)
    with pytest.raises(SpecError, match="made from windows, got list"):
        own.answers([])


def test_parts_that_do_not_fit_are_refused() -> None:
    own = model()
    parts = own.parts
    other = model(segment=6).parts
    for change in (
        {"graphs": other.graphs, "weights": other.weights},
        {"codec": model(decoding="recursive").parts.codec},
        {"decoder": replace(own.decoder, outputs=2)},
        {"codec": replace(own.codec, horizon=5)},
        {"decoder": replace(own.decoder, output="other")},
        {"task": "forecast", "graphs": {"main": parts.graphs["main"]}},
    ):
        weights = change.get("weights", parts.weights)
        graphs: Any = change.get("graphs", parts.graphs)
        kept = {
            p: w for p, w in weights.items() if any(p in g.parameters() for g in graphs.values())
        }
        with pytest.raises(BundleError):
            ForecastModel(replace(parts, **(change | {"weights": kept})))


def test_it_says_what_it_reads_and_gives() -> None:
    told = model(known=True, distribution="gaussian").describe()
    assert told["input"] == "the last 12 rows of a, b and known k, a row every 1 hour"
    assert told["answer"] == "the next 4 rows of a, b, with the quantiles 0.1, 0.5, 0.9"
    assert "kept and read anew" in told["streams"]
    assert "carried on" in model(segment=1, normalise="none").describe()["streams"]
