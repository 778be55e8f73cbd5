"""The forecaster: what comes after the rows of a series."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases, read_cases
from recurra.codecs.forecast_arrays import series_from_arrays
from recurra.codecs.forecast_table import SeriesCases
from recurra.errors import SettingsError
from recurra.estimators.estimator import AbstractSequenceEstimator, is_table
from recurra.runtime import AbstractModel
from recurra.runtime.models.forecast import Forecast, ForecastModel
from recurra.runtime.models.forecast_answer import checked_horizon
from recurra.train.progress import Progress

__all__ = ["SequenceForecaster"]

Array = npt.NDArray[Any]


class SequenceForecaster(AbstractSequenceEstimator):
    """A recurrent network that forecasts the next rows of series.

    A history is one series, [T] or [T, A], or a list of them, every column a target; or a table
    with the columns that `id`, `time`, `target` ("A" or "A,B,C"), `features` (past-only covariates)
    and `known` (covariates whose future is known) name. `recurra.codecs.Timed(x, times)` gives an
    array its times. NaN is a missing value: it is carried over and nothing is learnt from it.

    After `fit` (or `load`): `model_` the runtime's model, which forecasts without torch;
    `parameters_` how many numbers were learnt; `n_features_in_` columns of a series; after `fit`
    also `history_` (one record an epoch), `n_iter_` (epochs), `best_metric_` (MASE) and
    `fit_seconds_`.
    """

    _task: ClassVar[str] = "forecast"

    model_: ForecastModel

    def fit(
        self, X: Any, y: Any = None, valid: Any = None, *, progress: Progress | None = None
    ) -> Self:
        """Learn from histories.

        Args:
            X: The histories, as the class describes them.
            y: Takes no part: what is to be forecast is in X.
            valid: Histories to watch, the first look-back rows being history only; None: the last
                `valid_fraction` of each series.
            progress: Told how far it is, see `recurra.train.progress`.

        Raises:
            SettingsError: a parameter is out of range, or two contradict each other.
            DataError, ShapeError: X cannot be used; says where and why.
            TrainingError: the loss is no longer finite.
        """
        del y
        return super().fit(X, None, None if valid is None else (valid, None), progress=progress)

    def partial_fit(
        self, X: Any, y: Any = None, valid: Any = None, *, progress: Progress | None = None
    ) -> Self:
        """Go on learning from newer rows; without a model yet, as `fit`.

        Scaling, clock and network stay; the newest `valid_fraction` of each series is held out, and
        the old weights stay unless an epoch is better on it.

        Args:
            X: Histories of the same columns.
            y: Takes no part.
            valid: As in `fit`.
            progress: As in `fit`.

        Returns:
            The forecaster; `kept_` says whether the old weights stayed.
        """
        if not hasattr(self, "model_"):
            return self.fit(X, y, valid, progress=progress)
        pair = None if valid is None else (valid, None)
        return super().partial_fit(X, None, pair, progress=progress)

    def predict(self, X: Any, horizon: int | None = None) -> Any:
        """The rows that come after each history, without its future.

        Args:
            X: Histories. In a table with known covariates their future stands below the history,
                in rows that are empty but for them.
            horizon: How many rows; None: all that the model gives.

        Returns:
            [horizon, A] in the targets' units for one series; a list of them for several.

        Raises:
            SettingsError: more rows than the model gives.
            DataError: the future of a known covariate is missing, the frequency changes, ...
        """
        codec = self._forecasting().codec
        rows = codec.horizon if horizon is None else checked_horizon(horizon, codec)
        points = [answer.points[:rows] for answer in self.forecast(X)]
        return points[0] if len(points) == 1 and not _several(X) else points

    def forecast(self, X: Any) -> list[Forecast]:
        """For each history its `Forecast`: points and quantiles, and the time from which they go.

        Args:
            X: As in `predict`.
        """
        found: list[Forecast] = self._forecasting()(self._unlabelled(X))
        return found

    def backtest(self, X: Any, stride: int = 1) -> dict[str, float]:
        """Figures of rolling forecasts over histories, as `recurra evaluate` gives them.

        Args:
            X: Histories whose first look-back rows are history only.
            stride: Rows between the forecasts.

        Returns:
            mse, mae, mase, smape; with quantiles pinball, interval and coverage; and mse, mae and
            mase of the last value, of the seasonal naive forecast and of a linear map.

        Raises:
            SettingsError: `stride` is below 1.
        """
        if stride < 1:
            raise SettingsError(f"stride expected at least 1 row between forecasts, got {stride}")
        model, cases = self._forecasting(), self._unlabelled(X)
        windows = model.codec.rolling(
            cases, ahead=model.codec.ahead, reach=model.codec.horizon, stride=stride
        )
        return model.figures(model.answers(windows), windows, cases)

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the MASE of `backtest`: higher is better, as scikit-learn wants it.

        Args:
            X: As in `backtest`.
            y: Takes no part.
        """
        del y
        return -self.backtest(X)["mase"]

    def _forecasting(self) -> ForecastModel:
        model = self._fitted()
        assert isinstance(model, ForecastModel)  # the task's
        return model

    def _cases(self, X: Any, y: Any, *, need_target: bool) -> Cases:
        if is_table(X):
            return super()._cases(X, y, need_target=need_target)
        return series_from_arrays(X)

    def _unlabelled(self, X: Any) -> SeriesCases:
        if is_table(X):
            data, codec = self._settings().data, self._forecasting().codec
            cases = read_cases(X, data, need_target=False, expect=codec)
        else:
            cases = series_from_arrays(X, self._forecasting().codec.features)
        assert isinstance(cases, SeriesCases)  # as the task's reader gives them
        return cases

    def _take(self, model: AbstractModel) -> None:
        super()._take(model)
        self.n_features_in_ = len(model.features)


def _several(X: Any) -> bool:
    """Whether X is a list of series rather than one."""
    return isinstance(X, list) and bool(X) and np.ndim(X[0]) > 0
