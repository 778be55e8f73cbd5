"""The keys that machines rely on are those that the project promises."""

from recurra.spec import report


def test_metrics_have_the_promised_names() -> None:
    assert report.METRICS["classify"] == ("accuracy", "macro_f1", "log_loss", "ece", "auc")
    assert report.METRICS["regress"] == ("mse", "mae", "r2")
    keys = set(report.Evaluation.__annotations__)
    assert keys == {"task", "n", "seconds"}.union(*report.METRICS.values(), report.CALIBRATED)


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
