"""The keys that machines rely on are those that the project promises."""

from typing import get_args

from recurra.spec import report
from recurra.spec.settings import TrainingSettings


def test_metrics_have_the_promised_names() -> None:
    assert report.METRICS["classify"] == ("accuracy", "macro_f1", "log_loss", "ece", "auc")
    assert report.METRICS["regress"] == ("mse", "mae", "r2")
    keys = set(report.Evaluation.__annotations__)
    assert keys == {"task", "n", "seconds"}.union(*report.METRICS.values(), report.CALIBRATED)


def test_every_figure_of_a_network_knows_which_way_is_better() -> None:
    naive = ("last_value_", "seasonal_naive_", "linear_")
    figures = {
        name
        for names in report.METRICS.values()
        for name in names
        if not name.startswith(naive) and name not in ("interval", "coverage")
    }
    assert set(report.DIRECTIONS) == figures
    (watched,) = (get_args(TrainingSettings.model_fields["watch"].annotation),)
    assert set(watched) == {"auto", *figures}


def test_the_demonstration_has_the_promised_keys() -> None:
    assert set(report.DemoSummary.__annotations__) == {
        "models",
        "stream_max_abs_diff",
        "runtime_imported_torch",
    }
    assert set(report.DemoModel.__annotations__) == {
        "name",
        "parameters",
        "test_accuracy",
        "fit_seconds",
        "step_us_p50",
    }


def test_the_certificate_makes_each_claim_once() -> None:
    assert len(set(report.CERTIFICATE_CLAIMS)) == len(report.CERTIFICATE_CLAIMS) == 5
    assert set(report.Claim.__annotations__) == {"max_abs_diff", "promised", "note"}
    assert set(report.Certificate.__annotations__) == {"isa", "dtype", "claims"}
