"""The keys of every JSON object that a command prints: what machines may rely on."""

from __future__ import annotations

from types import MappingProxyType
from typing import NotRequired, TypedDict

__all__ = [
    "CERTIFICATE_CLAIMS",
    "METRICS",
    "Certificate",
    "Claim",
    "DemoModel",
    "DemoSummary",
    "EpochRecord",
    "Evaluation",
    "FitReport",
]

# evaluate --json: these names beside `task`, `n` (cases) and `seconds`; rates are in [0, 1].
METRICS = MappingProxyType(
    {
        "classify": ("accuracy", "macro_f1", "log_loss", "auc"),  # auc: two classes only
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


class Evaluation(TypedDict):
    """`recurra evaluate --json`."""

    task: str
    n: int
    seconds: float
    accuracy: NotRequired[float]
    macro_f1: NotRequired[float]
    log_loss: NotRequired[float]
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
