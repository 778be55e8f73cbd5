"""The end of what was learnt last, ahead of what comes next: learning goes on where it stopped.

A forecaster keeps the last look-back rows of each series, a model of running text its last symbols.
Read again ahead of newer data they bring the network into the state in which the older data left
it. Sequences that end (texts of one line, series with one label) have nothing to carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.cases import Cases
from recurra.codecs.corpus import CorpusCodec
from recurra.codecs.forecast import ForecastCodec, History
from recurra.errors import BundleError

__all__ = ["after", "tail_arrays", "tail_from_arrays", "tail_of"]

Array = npt.NDArray[Any]
# Characters of a word or a byte-pair piece, rather more than fewer.
_CHARACTERS = 8


def tail_of(codec: AbstractCodec, cases: Cases, steps: int) -> tuple[Any, ...]:
    """Raw cases to read again ahead of what comes next; none where sequences end.

    Args:
        codec: Of the model.
        cases: All that was learnt from, the newest last.
        steps: Symbols of a running text.
    """
    if isinstance(codec, ForecastCodec):
        return tuple(_end(codec, history) for history in codec.histories(cases))
    if isinstance(codec, CorpusCodec) and not codec.ends and len(cases) == 1:
        text = str(cases.inputs[0])
        if codec.symbol == "character":
            return (text[-steps:],)
        cut = text[-_CHARACTERS * steps :]
        # What stands ahead of the first blank is the end of a word.
        blank = next((k for k, c in enumerate(cut) if c.isspace()), -1)
        return (cut if len(cut) == len(text) else cut[blank + 1 :],)
    return ()


def after(codec: AbstractCodec, tail: Sequence[Any], cases: Cases) -> Cases:
    """Newer cases with what came before them ahead.

    Of a series those rows are put ahead that are older by their times, none where it begins more
    than a look-back after them. Without times its rows are taken as those that follow.

    Args:
        codec: Of the model.
        tail: What `tail_of` gave.
        cases: Newer ones.
    """
    if isinstance(codec, ForecastCodec) and tail:
        return _later_series(codec, tail, codec.arrange(cases))
    if isinstance(codec, CorpusCodec) and tail and not codec.ends and len(cases) == 1:
        return replace(cases, inputs=(tail[0] + cases.inputs[0],))
    return cases


def tail_arrays(codec: AbstractCodec, tail: Sequence[Any]) -> dict[str, Array]:
    """For the bundle's file: `k` or `k.<name>` of case k."""
    return {
        f"{k}.{name}" if name else str(k): array
        for k, case in enumerate(tail)
        for name, array in codec.case_arrays(case).items()
    }


def tail_from_arrays(codec: AbstractCodec, arrays: Mapping[str, Array]) -> tuple[Any, ...]:
    """What `tail_arrays` was given (BundleError: the arrays are none that it gives)."""
    cases: dict[str, dict[str, Array]] = {}
    for path, array in arrays.items():
        number, _, name = path.partition(".")
        cases.setdefault(number, {})[name] = array
    if set(cases) != {str(k) for k in range(len(cases))}:
        raise BundleError("a bundle's tail must hold case 0, case 1 and so on, nothing else")
    return tuple(codec.case_from_arrays(cases[str(k)]) for k in range(len(cases)))


def _end(codec: ForecastCodec, history: History) -> History:
    values = np.array(history.values[-codec.lookback :], np.float64)
    times = None if history.times is None else np.array(history.times[-codec.lookback :])
    return History(values, times, history.series)


def _later_series(codec: ForecastCodec, tail: Sequence[History], cases: Cases) -> Cases:
    before = {history.series: history for history in tail}
    inputs, times = list(cases.inputs), list(cases.times or ())
    for k, history in enumerate(codec.histories(cases)):
        # A model of one series takes every series as that one.
        former = tail[0] if len(tail) == len(cases) == 1 else before.get(history.series)
        rows = 0 if former is None else _rows(codec, former, history)
        if not rows or former is None:
            continue
        inputs[k] = np.concatenate([former.values[:rows], history.values])
        if cases.times is not None and former.times is not None:
            times[k] = np.concatenate([former.times[:rows], history.times])
    return replace(cases, inputs=tuple(inputs), times=tuple(times) if cases.times else None)


def _rows(codec: ForecastCodec, former: History, newer: History) -> int:
    """How many rows of the tail stand ahead of newer ones."""
    if former.times is None or newer.times is None:
        return len(former.values) if former.times is newer.times else 0
    begin, end = float(newer.times[0]), float(former.times[-1])
    if begin > end and codec.frequency is not None:
        gap, wrong = codec.frequency.positions(np.array([end, begin]))
        if wrong is None and gap[1] > codec.lookback:
            return 0
    return int(np.count_nonzero(former.times < begin))
