"""What needs no network, solved in closed form: the mean, the shares, a ridge regression, counts.

A quick measure for the doctor; `baselines` fits its rivals with care and takes seconds for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases
from recurra.spec.batch import EncodedCases
from recurra.train.doctor.material import some

__all__ = ["naive_rows", "naive_symbols", "naive_tags"]

Array = npt.NDArray[Any]
# Cases to fit and to judge by.
_MOST_FIT, _MOST_JUDGED = 400, 1000
# Features of a linear model at most; steps are thinned until they fit.
_MOST_FEATURES = 160
# Penalties that are tried, in units of a feature's variance; the choice is by leaving one out.
_PENALTIES = (1e-2, 1.0, 1e2)
# Batches of a corpus that are counted, and as many that are judged.
_BATCHES = 40


def naive_rows(
    train: Cases, held: Cases, truth: Array, held_truth: Array, classes: int | None
) -> dict[str, dict[str, float]]:
    """The majority or the mean, and a ridge regression on steps and on their summary.

    Args:
        train: To fit.
        held: To judge by.
        truth: Class or number of each training case.
        held_truth: Of each held-out one.
        classes: How many; None: numbers.

    Returns:
        By name ("majority" or "mean", "linear"), `accuracy` with `balanced` (mean recall), or
        `mse`.
    """
    judged = some(len(held), _MOST_JUDGED)
    wanted = held_truth[judged]
    if classes is None:
        plain = np.full(len(wanted), float(truth.mean()))
        found = {"mean": {"mse": float(np.square(plain - wanted).mean())}}
    else:
        most = np.bincount(truth, minlength=classes).argmax()
        found = {"majority": _class_figures(np.full(len(wanted), most), wanted)}
    if train.kind != "series" or len(train) < 10:
        return found
    index = some(len(train), _MOST_FIT)
    parts = [train.subset(index), held.subset(judged)]
    x, z = (_features(part) for part in parts)
    given = truth[index]
    y = np.eye(classes)[given] if classes is not None else given[:, None].astype(np.float64)
    answers = _ridge(x, y, z)
    if classes is None:
        found["linear"] = {"mse": float(np.square(answers[:, 0] - wanted).mean())}
    else:
        figures = _class_figures(answers.argmax(axis=1), wanted)
        # Frequent classes win by their number: divided by it, each class has the same chance.
        fair = answers / np.maximum(np.bincount(given, minlength=classes), 1)
        figures["balanced"] = _class_figures(fair.argmax(axis=1), wanted)["balanced"]
        found["linear"] = figures
    return found


def _class_figures(called: Array, truth: Array) -> dict[str, float]:
    recalls = [float((called[truth == k] == k).mean()) for k in np.unique(truth)]
    return {"accuracy": float((called == truth).mean()), "balanced": float(np.mean(recalls))}


def _features(cases: Cases) -> Array:
    """Mean, spread, first and last value of each feature, and its steps thinned to a few."""
    rows = []
    places = max(1, (_MOST_FEATURES - 4 * len(cases.features)) // max(1, len(cases.features)))
    for x in cases.inputs:
        x = np.asarray(x, np.float64)
        there = ~np.isnan(x)
        mean = np.where(there, x, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        x = np.where(there, x, mean)
        # From the end backwards, so that sequences of different lengths agree there.
        steps = len(x) - 1 - np.linspace(0, len(x) - 1, min(places, 24)).astype(np.int64)
        rows.append(np.concatenate([x.mean(0), x.std(0), x[0], x[-1], x[steps].ravel()]))
    return np.stack(rows)[:, :_MOST_FEATURES]


def _ridge(x: Array, y: Array, z: Array) -> Array:
    """What a ridge regression of y on x says of z, its penalty chosen by leaving one out.

    error_i = (y_i - f(x_i)) / (1 - hat_ii)       of the fit with case i left out
    """
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    x, z, centre = (x - mean) / scale, (z - mean) / scale, y.mean(axis=0)
    left, values, right = np.linalg.svd(x, full_matrices=False)
    turned = left.T @ (y - centre)
    best, answers = np.inf, np.zeros((len(z), y.shape[1]))
    for penalty in _PENALTIES:
        kept = np.square(values) / (np.square(values) + penalty * len(x))
        hat = (np.square(left) * kept).sum(axis=1) + 1 / len(x)
        residual = y - centre - left @ (kept[:, None] * turned)
        error = float(np.square(residual / np.maximum(1 - hat, 1e-6)[:, None]).mean())
        if error < best:
            best = error
            scaled = values / (np.square(values) + penalty * len(x))
            answers = z @ (right.T @ (scaled[:, None] * turned)) + centre
    return answers


def naive_tags(train: EncodedCases, held: EncodedCases, count: int) -> dict[str, dict[str, float]]:
    """The most frequent tag, and that of each symbol: accuracy over the steps."""
    fit = [train[int(k)] for k in some(len(train), _MOST_FIT)]
    judged = [held[int(k)] for k in some(len(held), _MOST_JUDGED)]
    y, z = (np.concatenate([case.steps["y"] for case in part]) for part in (fit, judged))
    most = int(np.bincount(y[y >= 0], minlength=count).argmax())
    found = {"majority": {"accuracy": float((z == most).mean())}}
    x = fit[0].steps["x"]
    if np.issubdtype(x.dtype, np.integer):
        tokens = np.concatenate([case.steps["x"] for case in fit])
        table = np.zeros((int(tokens.max()) + 1, count))
        np.add.at(table, (tokens[y >= 0], y[y >= 0]), 1)
        table[:, most] += 0.5
        asked = np.concatenate([case.steps["x"] for case in judged])
        table = np.pad(table, ((0, max(0, int(asked.max()) + 1 - len(table))), (0, 0)))
        table[table.sum(axis=1) == 0, most] = 1
        found["symbol"] = {"accuracy": float((table.argmax(axis=1)[asked] == z).mean())}
    return found


def naive_symbols(
    train: EncodedCases, held: EncodedCases, batches: Sequence[Any], watched: Sequence[Any]
) -> dict[str, dict[str, float]]:
    """How often each symbol comes, and after which one: nats a symbol, as `nll`; texts only."""
    pairs = [_pairs(cases, part) for cases, part in ((train, batches), (held, watched))]
    (x, y), (z, w) = pairs
    if x is None or z is None or not len(y) or not len(w):
        return {}
    size = int(max(x.max(), y.max(), z.max(), w.max())) + 1
    single = np.bincount(y, minlength=size) + 0.5
    single = single / single.sum()
    found = {"symbol": {"nll": float(-np.log(single[w]).mean())}}
    # A table of pairs of a large vocabulary has nothing to count.
    if size <= 512:
        table = np.zeros((size, size))
        np.add.at(table, (x, y), 1)
        # Two counts of the single shares: a pair that was not seen is not impossible.
        table += 2 * single
        table /= table.sum(axis=1, keepdims=True)
        found["pair"] = {"nll": float(-np.log(table[z, w]).mean())}
    return found


def _pairs(cases: EncodedCases, batches: Sequence[Any]) -> tuple[Any, Any]:
    """Symbols and what follows each, over some batches; None for frames."""
    given, follows = [], []
    for index in [batches[int(k)] for k in some(len(batches), _BATCHES)]:
        batch = cases.collate(index)
        x, y = batch.steps.get("x"), batch.steps.get("y")
        if x is None or y is None or not np.issubdtype(x.dtype, np.integer) or y.ndim != 2:
            return None, None
        inside = np.arange(x.shape[1]) < batch.lengths[:, None]
        inside &= batch.steps.get("counted", inside)
        given.append(x[inside])
        follows.append(y[inside])
    return np.concatenate(given), np.concatenate(follows)
