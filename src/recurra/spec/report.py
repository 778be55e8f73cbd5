"""The keys of every JSON object that a command prints: what machines may rely on."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "CALIBRATED",
    "CERTIFICATE_CLAIMS",
    "DIRECTIONS",
    "METRICS",
    "BaselineResult",
    "Calibration",
    "CellResult",
    "Certificate",
    "Claim",
    "Comparison",
    "DemoModel",
    "DemoSummary",
    "Diagnosis",
    "Difference",
    "EpochRecord",
    "EqualTime",
    "Evaluation",
    "Finding",
    "FitReport",
    "Predictions",
    "RangeTest",
    "SeedRun",
    "TunedTrial",
    "Tuning",
]

# evaluate --json: these names beside `task`, `n` (cases) and `seconds`; rates are in [0, 1].
METRICS = MappingProxyType(
    {
        "classify": ("accuracy", "macro_f1", "log_loss", "ece", "auc"),  # auc: two classes only
        "regress": ("mse", "mae", "r2"),
        # Nats and bits a symbol or a frame; perplexity: symbols only.
        "generate": ("nll", "bits", "perplexity"),
        # Of whole spans where tags spell spans, else macro_f1 over the tags.
        # Beside them mse, mae and mase of each naive forecast, as `last_value_mse`; pinball,
        # interval and coverage where there are quantiles.
        "forecast": (
            *("mse", "mae", "mase", "smape", "pinball", "interval", "coverage"),
            *("last_value_mse", "last_value_mae", "last_value_mase"),
            *("seasonal_naive_mse", "seasonal_naive_mae", "seasonal_naive_mase"),
            *("linear_mse", "linear_mae", "linear_mase"),
        ),
        # chrf and bleu where sacrebleu is installed, on its scale from 0 to 100.
        "transduce": ("word_error_rate", "symbol_error_rate", "accuracy", "chrf", "bleu"),
        "tag": ("accuracy", "entity_f1", "entity_precision", "entity_recall", "macro_f1"),
    }
)


# Beside them where a model was trained with a coverage: the share of truths in its sets or
# intervals, and the mean size of a set or the width of an interval.
CALIBRATED = ("coverage", "set_size", "interval")

# Which way each figure is better. Those of a naive forecast and of an interval have no way that a
# network could be led by.
DIRECTIONS: MappingProxyType[str, Literal["max", "min"]] = MappingProxyType(
    {
        "accuracy": "max",
        "macro_f1": "max",
        "log_loss": "min",
        "ece": "min",
        "auc": "max",
        "mse": "min",
        "mae": "min",
        "r2": "max",
        "nll": "min",
        "bits": "min",
        "perplexity": "min",
        "mase": "min",
        "smape": "min",
        "pinball": "min",
        "word_error_rate": "min",
        "symbol_error_rate": "min",
        "chrf": "max",
        "bleu": "max",
        "entity_f1": "max",
        "entity_precision": "max",
        "entity_recall": "max",
    }
)


class Predictions(TypedDict):
    """`recurra predict --json`."""

    task: str
    n: int
    # "id" and what the task says of a case, as in a line of a .jsonl.
    answers: list[dict[str, Any]]


class Evaluation(TypedDict):
    """`recurra evaluate --json`."""

    task: str
    n: int
    seconds: float
    accuracy: NotRequired[float]
    macro_f1: NotRequired[float]
    log_loss: NotRequired[float]
    ece: NotRequired[float]
    set_size: NotRequired[float]
    auc: NotRequired[float]
    mse: NotRequired[float]
    mae: NotRequired[float]
    r2: NotRequired[float]
    nll: NotRequired[float]
    bits: NotRequired[float]
    perplexity: NotRequired[float]
    entity_f1: NotRequired[float]
    entity_precision: NotRequired[float]
    entity_recall: NotRequired[float]
    mase: NotRequired[float]
    smape: NotRequired[float]
    pinball: NotRequired[float]
    interval: NotRequired[float]
    coverage: NotRequired[float]
    last_value_mse: NotRequired[float]
    last_value_mae: NotRequired[float]
    last_value_mase: NotRequired[float]
    seasonal_naive_mse: NotRequired[float]
    seasonal_naive_mae: NotRequired[float]
    seasonal_naive_mase: NotRequired[float]
    linear_mse: NotRequired[float]
    linear_mae: NotRequired[float]
    linear_mase: NotRequired[float]
    word_error_rate: NotRequired[float]
    symbol_error_rate: NotRequired[float]
    chrf: NotRequired[float]
    bleu: NotRequired[float]


class Finding(TypedDict):
    """One thing that is wrong with a training.

    `seen`: what was measured; `why`: why it matters; `advice`: what to try, a sentence; `settings`:
    the same as settings with their values; `evidence`: the figures; `severity` in [0, 100].
    """

    name: str
    seen: str
    why: str
    advice: str
    settings: dict[str, object]
    evidence: dict[str, object]
    severity: float


class Diagnosis(TypedDict):
    """`recurra doctor --json`: at most five findings, the worst first."""

    run: str
    task: str
    epochs: int
    stopped: str
    findings: list[Finding]


class Calibration(TypedDict):
    """Expected calibration error on the held-out part, before and after calibration."""

    temperature: float
    ece_before: float
    ece_after: float


class FitReport(TypedDict):
    """`recurra fit --json`, and `report.json` in the output folder."""

    task: str
    cell: str
    parameters: int
    epochs: int
    best_epoch: int
    metric: str
    best_metric: float
    fit_seconds: float
    stopped: str
    bundle: str
    findings: list[Finding]
    calibration: Calibration | None


class EpochRecord(TypedDict):
    """One line of `history.jsonl`."""

    epoch: int
    loss: float
    valid_loss: float
    metric: float
    learning_rate: float
    gradient_norm: float
    clipped: float
    seconds: float


class DemoModel(TypedDict):
    """One model of the demonstration."""

    name: str
    parameters: int
    test_accuracy: float
    fit_seconds: float
    step_us_p50: float


class DemoSummary(TypedDict):
    """`runs/demo/summary.json`."""

    models: list[DemoModel]
    stream_max_abs_diff: float
    runtime_imported_torch: bool


class Claim(TypedDict):
    """One measured sameness: the largest absolute difference and what is promised."""

    max_abs_diff: float | None
    promised: float
    note: str


# certificate.json: {"isa": ..., "dtype": ..., "claims": {one of these: Claim}}. max_abs_diff is
# null where the claim cannot apply (a bidirectional model has no step), and note says why.
CERTIFICATE_CLAIMS = (
    "step_vs_whole",
    "chunked_vs_whole",
    "one_vs_many",
    "padded_vs_unpadded",
    "runtime_vs_torch",
)


class Certificate(TypedDict):
    """`certificate.json`."""

    isa: str
    dtype: str
    claims: dict[str, Claim]


class SeedRun(TypedDict):
    """One training of a comparison; `figures` are those on the test part, `bundle` may be null."""

    seed: int
    mean: float
    figures: dict[str, float]
    epochs: int
    best_epoch: int
    stopped: str
    training_seconds: float
    fit_seconds: float
    bundle: str | None


class CellResult(TypedDict):
    """A cell of a comparison: means over its seeds; or a network of another kind ("rival").

    `mean` and `interval` are of the comparison's metric; null where nothing can be said (`failed`
    says why of each training that failed; one seed has no interval). `absent` says of each cost
    that is null why it is.
    """

    cell: str
    kind: str
    hidden: int
    parameters: int
    mean: float | None
    interval: list[float] | None
    figures: dict[str, float]
    training_seconds: float | None
    step_us: float | None
    bundle_bytes: int | None
    absent: dict[str, str]
    epochs: int
    seeds: list[SeedRun]
    failed: list[str]


class BaselineResult(TypedDict):
    """What needs no network; `mean` is the comparison's metric on the test part."""

    name: str
    about: str
    mean: float
    figures: dict[str, float]


class Difference(TypedDict):
    """`first` minus `second`, names of cells or baselines; `real`: the interval excludes 0."""

    first: str
    second: str
    difference: float
    interval: list[float] | None
    real: bool | None


class EqualTime(TypedDict):
    """The same cells, each trained for as many epochs as fit `seconds`."""

    seconds: float
    results: list[CellResult]
    differences: list[Difference]
    verdict: str


class Comparison(TypedDict):
    """`recurra compare --json`, and `comparison.json` in its folder.

    `repeated`: how many test sequences stand, value for value, among those that are learnt from.
    """

    task: str
    metric: str
    direction: str
    level: float
    drawn: str
    sequences: dict[str, int]
    repeated: int
    parameters: int
    results: list[CellResult]
    baselines: list[BaselineResult]
    differences: list[Difference]
    verdict: str
    equal_time: EqualTime | None
    picture: str


class TunedTrial(TypedDict):
    """One trial of a search, and a line of its trials.jsonl.

    `state`: "finished", "pruned", "failed" or "running"; `value`: the figure of the best epoch, of
    a pruned trial that of the last, null where there is none; `settings`: what was varied; `why`:
    why it failed, else null.
    """

    trial: int
    state: str
    value: float | None
    epochs: int
    best_epoch: int | None
    parameters: int | None
    seconds: float | None
    settings: dict[str, bool | int | float | str]
    why: str | None


class Tuning(TypedDict):
    """`recurra tune --json`, and tune.json in OUT.

    `finished`, `pruned`, `failed`, `running`: how many trials are; `best` and `config`, the TOML
    that `fit` takes, are null where none has finished.
    """

    task: str
    metric: str
    direction: str
    finished: int
    pruned: int
    failed: int
    running: int
    best: TunedTrial | None
    config: str | None
    table: str
    picture: str
    trials: list[TunedTrial]


class RangeTest(TypedDict):
    """`recurra find-lr --json`.

    `learning_rate`: where the loss falls fastest, null where the curve names none, and `why` says
    so; `now`: that of the settings; `burst_at`: null where the loss did not burst; the lists have
    one entry a step.
    """

    learning_rate: float | None
    why: str | None
    now: float
    lowest_at: float
    burst_at: float | None
    learning_rates: list[float]
    losses: list[float]
    smoothed: list[float]
