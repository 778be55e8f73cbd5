"""Forecasting: the next rows of series, as points, distributions or quantiles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Unpack

import numpy as np
import torch
from torch.nn import functional

from recurra.codecs import Cases
from recurra.codecs.forecast import ForecastCodec
from recurra.codecs.forecast_fit import fit_forecast_codec, window_lengths
from recurra.codecs.windows import Windows
from recurra.decode import conformal_quantile
from recurra.decode.forecast import LEAST_SCALE, Distribution, ForecastDecoder
from recurra.errors import DataError, SettingsError
from recurra.layers import BuildOptions
from recurra.metrics.baselines import fit_linear_map
from recurra.spec.batch import Batch, EncodedCases
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Dropout, Linear, Pool
from recurra.spec.settings import ModelSettings, Settings, TrainingSettings
from recurra.tasks.abstract import AbstractTask, Learned, in_full, tensors_of, too_few
from recurra.tasks.encoder import dense_steps, encoder_steps

__all__ = ["BASELINE", "Forecast"]

# The graph of the linear map that every network is compared with.
BASELINE = "baseline"
# Histories on which the certificate is measured.
_WITNESSES = 4
# Settings of other tasks that say nothing to a forecast.
_FOREIGN = (
    *("text", "variable", "value", "labels", "layout", "symbol", "min_count", "winsorise"),
    *("embedding", "class_weight"),
)
# Windows that are in memory at once.
_CHUNK = 1024
# Student's t has a variance only above this many degrees of freedom.
_LEAST_FREEDOM = 2.0


@dataclass(frozen=True)
class Forecast(AbstractTask):
    """The next rows of series.

    point: sum of |e|, e^2 or Huber(e) (`point_loss`); gaussian, student: negative log-likelihood;
    quantiles: pinball loss, summed over the levels. weight = the numbers that were observed.

    Losses are taken in the scale of the normalised window; the metric, the mean absolute error in
    units of the seasonal naive forecast's, weighs targets of different units alike.

    Args:
        point_loss: Of points.
        linear: Weight [H, R] and bias [H] of the linear map that the network is compared with.
        distribution: What the network puts out for each number.
        levels: Of its quantiles.
        recursive: Forecasts are read again as history.
        margins: Of points, as `ForecastDecoder` has them.
    """

    name: ClassVar[str] = "forecast"
    metric: ClassVar[tuple[str, Literal["max", "min"]]] = ("mase", "min")
    point_loss: Literal["mae", "mse", "huber"] = "mae"
    linear: tuple[Any, Any] | None = None
    distribution: Distribution = "point"
    levels: tuple[float, ...] = ()
    recursive: bool = False
    margins: tuple[float, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Forecast:
        """The task with the outputs and the loss of the settings."""
        _refuse_foreign(settings)
        model = settings.model
        levels: tuple[float, ...] = ()
        coverage = settings.training.coverage
        if coverage is not None and model.distribution != "point":
            raise SettingsError(
                f"coverage={coverage} gives points their intervals, "
                f"distribution={model.distribution!r} has its own at levels: leave one out"
            )
        if model.distribution != "point":
            outside = [level for level in model.levels if not 0 < level < 1]
            if outside:
                raise SettingsError(f"levels must lie within 0 and 1, got {outside[0]:g}")
            # Learnt quantiles give the point by their median.
            own = (0.5,) if model.distribution == "quantiles" else ()
            levels = tuple(sorted({*model.levels, *own}))
        return cls(
            point_loss=settings.training.point_loss,
            distribution=model.distribution,
            levels=levels,
        )

    def parts(self, cases: Cases, settings: Settings) -> tuple[Cases, Cases | None]:
        """The first rows of every series, and the last ones with a look-back before them."""
        lookback, _, _ = window_lengths(cases, settings)
        return _by_time(cases, lookback, settings.data.horizon, settings.training.valid_fraction)

    def newest(self, codec: Any, cases: Cases, settings: Settings) -> tuple[Cases, Cases | None]:
        """As `parts`, with the look-back and the horizon of the trained model.

        Raises:
            DataError: no series is long enough to be learnt from and held out.
        """
        fraction = settings.training.valid_fraction
        train, held = _by_time(cases, codec.lookback, codec.horizon, fraction)
        if fraction and held is None:
            rows = codec.lookback + 2 * codec.horizon
            raise DataError(
                f"expected a series of at least lookback + 2 horizons = {rows} rows, of which the "
                f"last are held out, got {max(map(len, cases.inputs))} in the longest: give more "
                "rows, or valid_fraction=0",
                path=cases.source,
            )
        return train, held

    def codec(self, train: Cases, settings: Settings) -> ForecastCodec:
        """Columns, clock and scaling of the training part."""
        dtype: Literal["float32", "float64"]
        dtype = "float64" if settings.training.precision == "float64" else "float32"
        return fit_forecast_codec(train, settings, dtype)

    def encoded(
        self, codec: Any, cases: Cases, settings: Settings, *, training: bool
    ) -> EncodedCases:
        """Windows at every row; of watched series at every `stride`-th."""
        windows: Windows = codec.rolling(
            cases,
            ahead=codec.ahead,
            reach=codec.horizon,
            stride=1 if training else settings.data.stride,
        )
        return windows

    def weighed(self, cases: EncodedCases, settings: TrainingSettings) -> Forecast:
        """This task with the linear map, fitted on the training windows."""
        assert isinstance(cases, Windows)  # as `encoded` made them
        del settings
        # Where the network gives other than all rows at once, its forecasts are read again.
        recursive = cases.cut.ahead != cases.cut.horizon
        return replace(self, linear=fit_linear_map(cases), recursive=recursive)

    def graphs(self, settings: ModelSettings, codec: Any) -> dict[str, Graph]:
        """{"main": encoder -> pool (last) -> [dropout] -> [dense] -> head; "baseline": linear}."""
        signals = codec.signals()
        steps = encoder_steps(settings, signals)
        encoded = Graph(signals, tuple(steps), (steps[-1].name,)).signals()[steps[-1].name]
        width = encoded.size
        steps.append(Step("pool", Pool(size=width, modes=("last",)), (steps[-1].name,)))
        if settings.dropout > 0:
            steps.append(Step("head_dropout", Dropout(rate=settings.dropout), ("pool",)))
        steps += dense_steps(settings, steps[-1].name, width)
        width = settings.dense_after[-1] if settings.dense_after else width
        head = Linear(input_size=width, output_size=self.decoder(codec).width)
        steps.append(Step("head", head, (steps[-1].name,)))
        linear = Linear(input_size=codec.lookback, output_size=codec.horizon)
        return {
            "main": Graph(signals, tuple(steps), ("head",)),
            BASELINE: Graph(
                {"window": Signal("row", codec.lookback)},
                (Step(BASELINE, linear, ("window",)),),
                (BASELINE,),
            ),
        }

    def network(
        self, graphs: Mapping[str, Graph], **options: Unpack[BuildOptions]
    ) -> torch.nn.Module:
        """Both graphs; the linear map has been fitted and learns no more."""
        network = super().network(graphs, **options)
        layer: Any = getattr(network, BASELINE)
        layer.requires_grad_(requires_grad=False)
        if self.linear is not None:
            for parameter, value in zip((layer.weight, layer.bias), self.linear, strict=True):
                parameter.copy_(torch.from_numpy(value))
        return network

    def learn(
        self, network: Any, batch: Batch, carry: Any, device: torch.device, dtype: torch.dtype
    ) -> Learned:
        """The loss of the main graph's forecasts."""
        del carry
        inputs = tensors_of(batch, ("x",), device, dtype)
        lengths = torch.from_numpy(batch.lengths).to(device)
        outputs, _ = network["main"](inputs, lengths=lengths)
        with torch.autocast(device.type, enabled=False):
            outputs = in_full(outputs)
            total, weight = self.loss(outputs, batch)
        # Forecasts that are read again as history need more than one pass.
        return Learned(total, weight, None, None if self.recursive else outputs)

    def decoder(self, codec: Any) -> ForecastDecoder:
        """Numbers of the head become points and quantiles."""
        return ForecastDecoder(
            ahead=codec.ahead,
            outputs=codec.cut.outputs,
            distribution=self.distribution,
            levels=self.levels,
            margins=self.margins,
        )

    def like(self, decoder: Any) -> Forecast:
        """With the outputs and the margins of a trained model."""
        return replace(
            self,
            distribution=decoder.distribution,
            levels=decoder.levels,
            margins=decoder.margins,
        )

    def calibrated(
        self, model: Any, encoded: EncodedCases, cases: Cases, settings: TrainingSettings
    ) -> Forecast:
        """With the margins that the settings' coverage needs, for each row ahead and target.

        Raises:
            SettingsError: too few held-out forecasts to say.
        """
        del cases
        if settings.coverage is None:
            return self
        assert isinstance(encoded, Windows)  # as `encoded` made them
        index = np.arange(len(encoded))
        points = np.stack([answer.points for answer in model.answers(encoded)])
        scale = np.concatenate(
            [
                encoded.collate(index[begin : begin + _CHUNK]).rows["scale"]
                for begin in range(0, len(index), _CHUNK)
            ]
        )
        scores = np.abs(points - encoded.truth(index)) / scale[:, None]
        margins = []
        for row in scores.reshape(len(index), -1).T:
            seen = row[~np.isnan(row)]
            margin = conformal_quantile(seen, settings.coverage)
            if margin == math.inf:
                raise too_few(settings.coverage, len(seen), "held-out forecasts of each row ahead")
            margins.append(margin)
        levels = (0.5 - settings.coverage / 2, 0.5 + settings.coverage / 2)
        return replace(self, margins=tuple(margins), levels=levels)

    def loss(
        self, outputs: Mapping[str, torch.Tensor], batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of everything that was observed, and how much that is."""
        head = outputs["head"]
        y, weight = (
            torch.from_numpy(batch.rows[name]).to(head.device, head.dtype)
            for name in ("y", "y_weight")
        )
        parts = head.reshape(*y.shape, -1)
        return (self._losses(parts, y) * weight).sum(), weight.sum()

    def witnesses(self, codec: Any, cases: Cases) -> Cases:
        """Histories that end at some rows of the watched series."""
        found = []
        for k in range(_WITNESSES):
            history = codec.histories(cases)[k % len(cases)]
            # What is known of the future stands behind the history.
            last = len(history.values) - (codec.horizon if codec.known else 0)
            end = max(1, round(last * (k + 1) / _WITNESSES))
            found.append(codec.cut_off(history, end))
        ids = tuple(str(k) for k in range(len(found)))
        return replace(cases, inputs=tuple(found), ids=ids, times=None)

    def _losses(self, parts: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss of each number y [...], of which the head says parts [..., P]."""
        error = y - parts[..., 0]
        if self.distribution == "point":
            if self.point_loss == "mae":
                return error.abs()
            zero = torch.zeros_like(error)
            return (
                error.square()
                if self.point_loss == "mse"
                else functional.smooth_l1_loss(error, zero, reduction="none")
            )
        if self.distribution == "quantiles":
            levels = parts.new_tensor(self.levels)
            above = y[..., None] - parts
            return torch.maximum(levels * above, (levels - 1) * above).sum(-1)
        scale = functional.softplus(parts[..., 1]) + LEAST_SCALE
        if self.distribution == "gaussian":
            return 0.5 * (error / scale).square() + scale.log() + 0.5 * math.log(2 * math.pi)
        freedom = _LEAST_FREEDOM + functional.softplus(parts[..., 2])
        half = (freedom + 1) / 2
        return (
            half * ((error / scale).square() / freedom).log1p()
            + torch.lgamma(freedom / 2)
            - torch.lgamma(half)
            + 0.5 * (freedom * math.pi).log()
            + scale.log()
        )


def _refuse_foreign(settings: Settings) -> None:
    """Refuse changed settings of texts, labels and cases, which a forecast has none of."""
    plain = Settings().flat()
    for name in _FOREIGN:
        value = settings.flat()[name]
        if value != plain[name]:
            raise SettingsError(
                f"{name}={value!r} has no meaning for forecasts, whose series are read as they "
                "are: leave it out"
            )


def _by_time(
    cases: Cases, lookback: int, horizon: int, fraction: float
) -> tuple[Cases, Cases | None]:
    """The first rows of every series, and the last ones with a look-back before them."""
    if not fraction:
        return cases, None
    first, last, watched = [], [], []
    for k, x in enumerate(cases.inputs):
        held = max(round(fraction * len(x)), horizon)
        # A series too short for a window of each part is learnt from whole.
        cut = len(x) - held if len(x) >= lookback + horizon + held else len(x)
        first.append(slice(0, cut))
        if cut < len(x):
            watched.append(k)
            last.append(slice(cut - lookback, len(x)))
    train = _rows(cases, first)
    return train, _rows(cases.subset(watched), last) if watched else None


def _rows(cases: Cases, parts: Sequence[slice]) -> Cases:
    """The same series, of each some rows."""
    times = cases.times
    return replace(
        cases,
        inputs=tuple(x[part] for x, part in zip(cases.inputs, parts, strict=True)),
        times=None
        if times is None
        else tuple(t[part] for t, part in zip(times, parts, strict=True)),
    )
