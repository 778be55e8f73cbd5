"""How good forecasts are, beside those that need no network: last value, seasonal naive, linear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.forecast import ForecastCodec
from recurra.codecs.windows import Windows
from recurra.metrics.baselines import last_value, linear_inputs, seasonal_naive
from recurra.metrics.forecast import (
    coverage,
    forecast_mae,
    forecast_mse,
    mase,
    pinball,
    smape,
)

__all__ = ["BASELINE", "NAIVE", "forecast_figures", "naive_forecasts"]

Array = npt.NDArray[Any]
# The graph of the linear map that every network is compared with.
BASELINE = "baseline"
NAIVE = ("last_value", "seasonal_naive", "linear")
# Windows whose look-back is in memory at once.
_CHUNK = 1024


def forecast_figures(
    codec: ForecastCodec, levels: tuple[float, ...], network: Any, values: Array, windows: Windows
) -> dict[str, float]:
    """Errors of forecasts and of the naive ones, over everything that was observed.

    Args:
        codec: Of the model.
        levels: Of the quantiles.
        network: Runs the graph of the linear map.
        values: Points and quantiles, [N, H, A, 1 + Q].
        windows: From which they were made, N.
    """
    truth = windows.truth(np.arange(len(windows)))
    naive_error = _naive_errors(codec, windows)
    figures = _errors(values[..., 0], truth, naive_error)
    if levels:
        figures["pinball"] = pinball(values[..., 1:], truth, levels)
    if len(levels) > 1:
        figures["interval"] = levels[-1] - levels[0]
        figures["coverage"] = coverage(values[..., 1], values[..., -1], truth)
    for name, forecasts in naive_forecasts(codec, network, windows).items():
        errors = _errors(forecasts, truth, naive_error)
        figures |= {f"{name}_{metric}": errors[metric] for metric in ("mse", "mae", "mase")}
    return figures


def naive_forecasts(codec: ForecastCodec, network: Any, windows: Windows) -> Mapping[str, Array]:
    """The forecasts without the network, each [N, H, A], by the names of `NAIVE`."""
    horizon = codec.horizon
    past = windows.past(np.arange(len(windows)), codec.season)
    parts = []
    for begin in range(0, len(windows), _CHUNK):
        index = np.arange(begin, min(begin + _CHUNK, len(windows)))
        x, shift, scale = linear_inputs(windows, index)
        outputs, _ = network({"window": x})
        linear = outputs[BASELINE].astype(np.float64).reshape(len(index), -1, horizon)
        parts.append(linear.transpose(0, 2, 1) * scale[:, None] + shift[:, None])
    return {
        "last_value": last_value(past, horizon),
        "seasonal_naive": seasonal_naive(past, horizon, codec.season),
        "linear": np.concatenate(parts),
    }


def _naive_errors(codec: ForecastCodec, windows: Windows) -> Array:
    """What MASE is measured in, for each window and target."""
    names, errors = codec.scaling.series, np.array(codec.naive_error)
    rows = [
        names.index(track.name) if track.name in names else len(names) for track in windows.tracks
    ]
    rows = [0] * len(rows) if len(names) == 1 else rows
    found: Array = errors[np.array(rows)[windows.origins[:, 0]]]
    return found


def _errors(forecasts: Array, truth: Array, naive_error: Array) -> dict[str, float]:
    return {
        "mse": forecast_mse(forecasts, truth),
        "mae": forecast_mae(forecasts, truth),
        "mase": mase(forecasts, truth, naive_error),
        "smape": smape(forecasts, truth),
    }
