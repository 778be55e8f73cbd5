"""The forecasting codec that settings and the training part ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs.calendar import CALENDAR, Frequency, find_frequency, regular
from recurra.codecs.cases import Cases
from recurra.codecs.forecast import ForecastCodec
from recurra.codecs.forecast_beat import check_beat
from recurra.codecs.forecast_holes import ForecastStrategy, Holes
from recurra.codecs.forecast_table import SeriesCases
from recurra.codecs.scaling import Scaling
from recurra.errors import DataError, SettingsError
from recurra.spec.counted import counted

if TYPE_CHECKING:
    from recurra.spec.settings import Settings

__all__ = ["fit_forecast_codec", "window_lengths"]

Array = npt.NDArray[Any]


def window_lengths(cases: Cases, settings: Settings) -> tuple[int, int, int]:
    """Look-back, segment and season in rows, where the settings leave them open.

    The season is what the clock suggests (a day, a week, a year), where the look-back holds one.
    The look-back is at least two seasons and two horizons long, a segment a season where two of
    them fit into the look-back.

    Raises:
        SettingsError: the look-back is no multiple of the segment.
    """
    chosen, frequency = settings.data, _frequency(cases)
    season = chosen.season
    if season is None:
        dated = isinstance(cases, SeriesCases) and cases.dated
        season = 1 if frequency is None else frequency.season(dated=dated)
        season = season if (chosen.lookback or season) >= season else 1
    lookback, segment = chosen.lookback, settings.model.segment
    if segment is None:
        whole = lookback is None or (lookback % season == 0 and lookback >= 2 * season)
        segment = season if whole else 1
    if lookback is None:
        lookback = -(-2 * max(chosen.horizon, season) // segment) * segment
    if lookback % segment or lookback < season:
        raise SettingsError(
            f"lookback={lookback} must be a multiple of segment={segment} and hold a season of "
            f"{season} rows: take {-(-max(lookback, season) // segment) * segment}"
        )
    return lookback, segment, season


def fit_forecast_codec(
    cases: Cases, settings: Settings, dtype: Literal["float32", "float64"] = "float32"
) -> ForecastCodec:
    """The codec of a training part.

    Args:
        cases: The training part, and nothing else; `SeriesCases`, or series whose channels are all
            targets.
        settings: horizon, lookback, scaling, ...
        dtype: Of what the network reads.

    Raises:
        SettingsError: settings that contradict one another.
        DataError: a column without any value, dates that are needed and not there, ...
    """
    chosen, model = settings.data, settings.model
    lookback, segment, season = window_lengths(cases, settings)
    if chosen.missing == "decay":
        raise SettingsError(
            "missing='decay' lets a state fade between readings at uneven times, and the rows of a "
            "forecast stand on a regular beat: take missing='mask', which says how long ago each "
            "value was observed"
        )
    strategy: ForecastStrategy = "last" if chosen.missing == "auto" else chosen.missing
    if not isinstance(cases, SeriesCases):
        cases = _all_targets(cases)
    frequency = _frequency(cases)
    recursive = model.decoding == "recursive"
    if chosen.calendar and not (cases.dated and frequency is not None):
        raise DataError(
            f"expected dates for the calendar features {', '.join(chosen.calendar)}, got "
            + ("times that are no dates" if cases.times else "no time column")
            + ": name the column with --time, or leave calendar out",
            path=cases.source,
        )
    unknown = [name for name in chosen.calendar if name not in CALENDAR]
    if unknown:
        raise SettingsError(f"calendar must be among {', '.join(CALENDAR)}; got {unknown[0]!r}")
    if recursive and cases.past_names:
        raise SettingsError(
            "decoding='recursive' reads its own forecasts as history, but nothing forecasts the "
            f"covariate {cases.past_names[0]!r}: take decoding='direct', or make it a target"
        )
    if recursive and model.distribution != "point":
        raise SettingsError(
            f"decoding='recursive' reads its forecasts again, which must be points, got "
            f"distribution={model.distribution!r}: take decoding='direct'"
        )
    if recursive and strategy == "mask":
        raise SettingsError(
            "missing='mask' says what was observed, and forecasts that are read again as history "
            "were not: take decoding='direct', or missing='last'"
        )
    values = [_even(x, t, frequency, cases) for x, t in _with_times(cases)]
    _check_varied(values, cases, strategy)
    count = len(cases.target_names)
    own = count + len(cases.past_names)
    scaling = _fitted_scaling(chosen.scaling, values, cases)
    figures = [
        (shift[:own], scale[:own]) for shift, scale in map(scaling.at, range(len(scaling.shift)))
    ]
    return ForecastCodec(
        targets=cases.target_names,
        past=cases.past_names,
        known=cases.known_names,
        calendar=tuple(chosen.calendar),
        roles=cases.columns,
        lookback=lookback,
        horizon=chosen.horizon,
        segment=segment,
        channels=model.channels,
        recursive=recursive,
        carried=segment == 1
        and chosen.normalise == "none"
        and not recursive
        and strategy != "linear"
        and not model.bidirectional,
        normalise=chosen.normalise,
        scaling=scaling,
        frequency=frequency,
        dated=cases.dated,
        season=season,
        naive_error=_naive_errors([x[:, :count] for x in values], season),
        missing=Holes.fit(strategy, [x[:, :own] for x in values], figures),
        dtype=dtype,
        zoned=cases.zoned,
    )


def _check_varied(values: Sequence[Array], cases: SeriesCases, strategy: ForecastStrategy) -> None:
    """Refuse columns that say nothing: all their values are the same (DataError)."""
    known = len(cases.features) - len(cases.known_names)
    for k, name in enumerate(cases.features):
        column = np.concatenate([x[:, k] for x in values])
        seen = column[~np.isnan(column)]
        # That it was observed at all is what a column with marks tells.
        marked = strategy == "mask" and k < known and len(seen) < len(column)
        if len(seen) and seen.min() == seen.max() and not marked:
            target = k < len(cases.target_names)
            raise DataError(
                f"expected values that vary, got {seen[0]:g} in all {counted(len(seen), 'row')} of "
                "the training part: "
                f"{'there is nothing to forecast' if target else 'it tells nothing'}, leave the "
                "column out",
                path=cases.source,
                column=name,
            )


def _all_targets(cases: Cases) -> SeriesCases:
    if cases.kind != "series":
        raise DataError(f"expected series to forecast, got {cases.kind}", path=cases.source)
    return SeriesCases(
        "series",
        cases.inputs,
        cases.features,
        cases.ids,
        cases.source,
        times=cases.times,
        target_names=cases.features,
    )


def _frequency(cases: Cases) -> Frequency | None:
    return None if cases.times is None else find_frequency(cases.times)


def _with_times(cases: Cases) -> list[tuple[Array, Array | None]]:
    times: Sequence[Array | None] = cases.times or (None,) * len(cases)
    return list(zip(cases.inputs, times, strict=True))


def _even(x: Array, times: Array | None, frequency: Frequency | None, cases: SeriesCases) -> Array:
    raw = np.asarray(x, np.float64)
    if times is None or frequency is None or len(raw) < 2:
        return raw
    check_beat(times, frequency, str(cases.source), dated=cases.dated)
    return regular(raw, times, frequency, str(cases.source))[0]


def _fitted_scaling(kind: Any, values: Sequence[Array], cases: SeriesCases) -> Scaling:
    try:
        return Scaling.fit(kind, cases.ids, values, cases.features)
    except DataError as error:
        raise DataError(str(error), path=cases.source) from None


def _naive_errors(values: Sequence[Array], season: int) -> tuple[tuple[float, ...], ...]:
    """Of each series and over all: the mean absolute difference to the row a season before."""
    gaps = [np.abs(x[season:] - x[:-season]) for x in values]
    whole = _means(np.concatenate(gaps))
    # Where nothing ever differs an error keeps its unit.
    whole = np.where(whole > 0, whole, 1.0)
    rows = [_means(own) for own in gaps]
    return tuple(tuple(np.where(row > 0, row, whole).tolist()) for row in [*rows, whole])


def _means(gaps: Array) -> Array:
    """The means of the columns, NaN left out; 0 where there is nothing."""
    seen = ~np.isnan(gaps)
    sums: Array = np.where(seen, gaps, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return sums
