"""Models that say what comes: forecasts of series with quantiles, and naive ones beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases
from recurra.codecs.forecast import ForecastCodec, History
from recurra.codecs.windows import Track, Windows, cut_rows
from recurra.decode import Adapt
from recurra.decode.forecast import ForecastDecoder
from recurra.errors import BundleError, DataError, ShapeError, SpecError
from recurra.runtime.model import AbstractModel, Probe, batches_of
from recurra.runtime.models.forecast_answer import (
    Forecast,
    object_of_forecast,
    table_of_forecasts,
)
from recurra.runtime.models.forecast_figures import BASELINE, NAIVE, forecast_figures
from recurra.runtime.models.forecast_session import ForecastSession
from recurra.runtime.models.forecast_truths import forecast_truths
from recurra.runtime.parts import MAIN, Parts
from recurra.runtime.stream import Stream
from recurra.spec.batch import Batch, Encoded, EncodedCases
from recurra.spec.counted import counted
from recurra.spec.node import Signal

if TYPE_CHECKING:
    import polars as pl

__all__ = ["BASELINE", "Forecast", "ForecastModel"]

Array = npt.NDArray[Any]


class ForecastModel(AbstractModel):
    """Forecasts of one or several targets, H rows ahead; an answer is a `Forecast`."""

    tasks: ClassVar[tuple[str, ...]] = ("forecast",)
    codec: ForecastCodec
    decoder: ForecastDecoder

    @classmethod
    def check(cls, parts: Parts) -> None:
        """Refuse parts that do not fit one another (BundleError)."""
        codec, decoder, graphs = parts.codec, parts.decoder, parts.graphs
        if not isinstance(codec, ForecastCodec) or not isinstance(decoder, ForecastDecoder):
            raise BundleError("a forecasting model needs a codec and a decoder for forecasts")
        if set(graphs) != {MAIN, BASELINE}:
            raise BundleError(f"expected the graphs {MAIN} and {BASELINE}, got {sorted(graphs)}")
        if (decoder.ahead, decoder.outputs) != (codec.ahead, codec.cut.outputs):
            raise BundleError("the decoder gives other rows or targets than the codec says")
        if len(decoder.margins) not in (0, codec.horizon * len(codec.targets)):
            raise BundleError("the decoder has margins for other rows or targets")
        if codec.recursive and decoder.distribution != "point":
            raise BundleError("forecasts that are read again as history must be points")
        wanted = {
            MAIN: (codec.signals(), decoder.output, Signal("row", decoder.width)),
            BASELINE: (
                {"window": Signal("row", codec.lookback)},
                BASELINE,
                Signal("row", codec.horizon),
            ),
        }
        for name, (inputs, output, signal) in wanted.items():
            graph = graphs[name]
            if dict(graph.inputs) != inputs or graph.signals().get(output) != signal:
                raise BundleError(f"graph {name!r} does not fit the codec and the decoder")
            if output not in graph.outputs:
                raise BundleError(f"graph {name!r} does not put out {output!r}")
        if codec.carried and graphs[MAIN].why_not_streaming() is not None:
            raise BundleError("a state is carried on only by a network that streams")

    def why_not_streaming(self) -> str | None:
        """None, but where a row cannot bring all that its forecast reads."""
        why = self.codec.missing.why_not_streaming()
        if why is not None:
            return why
        if self.codec.recursive and self.codec.known:
            return (
                "recursive forecasts read known covariates of the whole horizon, and a row brings "
                "those of one step; train with decoding=direct to stream"
            )
        return None

    def is_one(self, x: Any) -> bool:
        """Whether x is one history, a `History` or [T, F] (one feature: also [T])."""
        return isinstance(x, History) or (isinstance(x, np.ndarray) and x.ndim < 3)

    def __call__(self, x: Any) -> Any:
        """Forecast from the newest row of each history.

        Args:
            x: One history, a `History` or rows [T, F] in the order of the features; or a list of
                them, or `Cases`.

        Returns:
            A `Forecast` for each; for one history its own.

        Raises:
            DataError: a known covariate's future is missing, the frequency changes, ...
            ShapeError: other columns than the model's, or no history at all.
        """
        one = not isinstance(x, Cases) and self.is_one(x)
        histories = (
            self.codec.histories(x)
            if isinstance(x, Cases)
            else [_history(case) for case in ([x] if one else x)]
        )
        if not histories:
            raise ShapeError("the model expected at least one history, got none")
        windows = self.codec.newest(histories)
        for track in windows.tracks:
            self._check_seen(track)
        answers = self.answers(windows)
        return answers[0] if one else answers

    def _check_seen(self, track: Track) -> None:
        """Refuse a history of which a target was never observed (DataError)."""
        never = np.isnan(track.truth).all(axis=0)
        if never.any():
            where = f"series {track.name!r}" if track.name else "the series"
            raise DataError(
                f"{where}: expected a history of every target, got none in all {len(track.truth)} "
                "rows: give some of its values",
                column=self.codec.targets[int(never.argmax())],
            )

    def encoded(self, cases: Cases) -> Windows:
        """Windows all over the series: at every `stride`-th row with a look-back before it."""
        codec = self.codec
        return codec.rolling(
            cases, ahead=codec.ahead, reach=codec.horizon, stride=getattr(cases, "stride", 1)
        )

    def answers(self, encoded: EncodedCases | Sequence[Encoded]) -> list[Forecast]:
        """One forecast a window."""
        if not isinstance(encoded, Windows):
            raise SpecError(f"forecasts are made from windows, got {type(encoded).__name__}")
        if not self.codec.recursive:
            found: list[Forecast] = super().answers(encoded)
            return found
        answers: list[Any] = [None] * len(encoded)
        for batch in batches_of(encoded):
            for k, answer in zip(batch.index, self._recursive(encoded, batch), strict=True):
                answers[k] = answer
        return answers

    def decode(self, outputs: Mapping[str, Array], batch: Batch) -> list[Forecast]:
        """A forecast for each window of the batch."""
        shift, scale = batch.rows["shift"], batch.rows["scale"]
        values = self._by_window(outputs) * scale[:, None, :, None] + shift[:, None, :, None]
        values = self._widened(values, scale)
        return [_forecast(v, t) for v, t in zip(values, batch.rows["time"], strict=True)]

    def figures(self, answers: Any, encoded: EncodedCases, cases: Cases) -> dict[str, float]:
        """Errors of the network and of the naive forecasts, over everything that was observed."""
        del cases
        assert isinstance(encoded, Windows)  # as `encoded` made them
        values = np.stack([answer.values for answer in answers])
        levels, network = self.decoder.levels, self.networks[BASELINE]
        return forecast_figures(self.codec, levels, network, values, encoded)

    def tables(self, answers: Any, encoded: EncodedCases, cases: Cases) -> list[tuple[Any, ...]]:
        """The network beside what needs none."""
        figures = self.figures(answers, encoded, cases)
        rows = [("network", *(f"{figures[m]:.4f}" for m in ("mse", "mae", "mase")))]
        for name in NAIVE:
            errors = (f"{figures[f'{name}_{m}']:.4f}" for m in ("mse", "mae", "mase"))
            rows.append((name.replace("_", " "), *errors))
        return [(("forecast", "mse", "mae", "mase"), *rows)]

    @classmethod
    def beside(cls, figures: Mapping[str, float]) -> str:
        """The network's error beside those of the forecasts that need none."""
        others = (f"{name.replace('_', ' ')} {figures[f'{name}_mase']:.4f}" for name in NAIVE)
        return f"mase of the network {figures['mase']:.4f}; {', '.join(others)}"

    @classmethod
    def remarks(cls, figures: Mapping[str, float]) -> list[str]:
        """A plain warning for each naive forecast that is better than the network."""
        better = [name for name in NAIVE if figures[f"{name}_mase"] < figures["mase"]]
        return [
            f"the network loses to {name.replace('_', ' ')}: its mean absolute error is "
            f"{figures['mae']:.4g}, that of {name.replace('_', ' ')} {figures[f'{name}_mae']:.4g}; "
            "do not use it as it is"
            for name in better
        ]

    def session(
        self, series: str = "", *, adapt: Adapt | None = None, pending: int = 1
    ) -> ForecastSession:
        """A new stream of one series, ahead of its first row.

        Args:
            series: Its name in training, by which it is scaled; another one is scaled by the
                figures over all.
            adapt: What truths (`ForecastSession.observe`) do to the intervals that come: "none", or
                "tracking": they widen or narrow them. None: as "none", and taken by models
                without intervals too.
            pending: Forecasts that are remembered until their truth comes, the newest ones: so many
                rows ahead are measured.

        Raises:
            SpecError: a row cannot bring all that a forecast reads, or there is nothing to adapt.
        """
        codec = self.codec
        why = self.why_not_streaming()
        if why is not None:
            raise SpecError(f"this model has no sessions: {why}")
        stream = self._stream if codec.carried else None
        truths = forecast_truths(self.decoder, codec, adapt, pending)
        return ForecastSession(codec, self.fingerprint, self._from_window, stream, series, truths)

    def object_of(self, answer: Any) -> dict[str, Any]:
        """Times, the points of each target, and its quantiles by their levels."""
        return object_of_forecast(answer, self.codec, self.decoder.levels)

    def table_of(self, ids: Sequence[str], answers: Any) -> pl.DataFrame:
        """One row for each series and row ahead: id, step, time, the targets, their quantiles."""
        return table_of_forecasts(ids, answers, self.codec, self.decoder.levels)

    def describe(self) -> dict[str, str]:
        """One line each on "task", "input" and "answer"."""
        codec, decoder = self.codec, self.decoder
        answer = f"the next {counted(codec.horizon, 'row')} of {', '.join(codec.targets)}"
        if decoder.levels:
            answer += f", with the quantiles {', '.join(f'{p:g}' for p in decoder.levels)}"
        return {
            "task": "forecasts of series",
            "input": codec.describe(),
            "answer": answer,
            "streams": "the network's state is carried on: a row is one step"
            if codec.carried
            else f"the last {counted(codec.lookback, 'row')} are kept and read anew after each row",
        }

    def witness(self, x: Any, steps: int = 256) -> History:
        """The newest rows of a history, its future rows included."""
        history = _history(x)
        kept = slice(-(steps + self.codec.future_rows(history)), None)
        times = None if history.times is None else history.times[kept]
        return replace(history, values=history.values[kept], times=times)

    def numbers(self, answer: Any) -> Array:
        """Points and quantiles."""
        return np.asarray(answer.values, np.float64)

    def compared(self, x: Any) -> Array:
        """Points and quantiles in the scale of the network."""
        batch = self.codec.newest([_history(x)]).collate([0])
        outputs, _ = self.network({"x": batch.steps["x"]}, lengths=batch.lengths)
        return self._by_window(outputs)

    def probes(self, x: Any) -> list[Probe]:
        """The first row of the batch that a window gives."""
        batch = self.codec.newest([_history(x)]).collate([0])
        return [Probe(MAIN, {"x": batch.steps["x"][:1]})]

    def observations(self, x: Any) -> Sequence[Any]:
        """The rows of a history, known covariates moved up; none where a calendar needs times."""
        codec, history = self.codec, _history(x)
        if codec.calendar or history.series:
            return ()
        known = len(codec.known)
        rows = len(history.values) - codec.future_rows(history)
        values = np.array(history.values[:rows], np.float64)
        if known:
            later = np.minimum(np.arange(rows) + codec.lead, len(history.values) - 1)
            values[:, -known:] = history.values[later, -known:]
        return list(values)

    def _by_window(self, outputs: Mapping[str, Array]) -> Array:
        """What the decoder gives, [B, ahead, A, 1 + Q] in the network's scale."""
        values = self.decoder.decode(outputs)
        if not self.codec.cut.separate:
            return values
        _, ahead, _, last = values.shape
        by_target = values.reshape(-1, len(self.codec.targets), ahead, last)
        return np.ascontiguousarray(by_target.transpose(0, 2, 1, 3))

    def _from_window(self, window: Windows, batch: Batch, row: Array | None) -> Forecast:
        """The forecast of a stream after one row."""
        if self.codec.recursive:
            return self._recursive(window, batch)[0]
        outputs: Mapping[str, Array] = {}
        if row is None:
            outputs, _ = self.network({"x": batch.steps["x"]}, lengths=batch.lengths)
        else:
            outputs = {self.decoder.output: row}
        return self.decode(outputs, batch)[0]

    def _stream(self) -> Stream:
        stream: Stream = self.network.stream(self.codec.cut.rows_each, output=self.decoder.output)
        return stream

    def _recursive(self, windows: Windows, batch: Batch) -> list[Forecast]:
        """Forecasts a block at a time, each block read as history by the next."""
        codec, cut = self.codec, self.codec.cut
        index, targets, segment = batch.index, cut.targets, cut.segment
        blocks = -(-codec.horizon // codec.ahead)
        steps = windows.lengths[index]
        rows = int(steps.max()) * segment
        # Right-aligned: a shorter history has its rows last.
        history = windows.rows(index, rows, blocks * codec.ahead)
        found = []
        for block in range(blocks):
            end = rows + block * codec.ahead
            begins = end - steps * segment
            window = _aligned(history, begins, rows)
            x, shift, scale = cut_rows(window, steps, cut)
            outputs, _ = self.network({"x": x}, lengths=np.repeat(steps, cut.rows_each))
            points = self._by_window(outputs)[..., 0] * scale[:, None] + shift[:, None]
            history[:, end : end + codec.ahead, :targets] = points
            found.append(points)
        scaled = np.concatenate(found, axis=1)[:, : codec.horizon]
        shifts, scales = windows.units(index)
        values = scaled * scales[:, None] + shifts[:, None]
        values = self._widened(values[..., None], batch.rows["scale"])
        return [_forecast(v, t) for v, t in zip(values, batch.rows["time"], strict=True)]

    def _widened(self, values: Array, scale: Array) -> Array:
        """Points [B, H, A, 1] with their margins on either side; quantiles as they are."""
        if not self.decoder.margins:
            return values
        margins = np.reshape(self.decoder.margins, values.shape[1:3]) * scale[:, None]
        points = values[..., 0]
        return np.stack([points, points - margins, points + margins], axis=3)


def _history(x: Any) -> History:
    return x if isinstance(x, History) else History(np.asarray(x, np.float64))


def _forecast(values: Array, time: float) -> Forecast:
    return Forecast(values, None if np.isnan(time) else float(time))


def _aligned(history: Array, begins: Array, rows: int) -> Array:
    """Of each window the `rows` rows from its begin on; those behind its end have no meaning."""
    place = np.minimum(begins[:, None] + np.arange(rows), history.shape[1] - 1)
    return np.take_along_axis(history, place[:, :, None], axis=1)
