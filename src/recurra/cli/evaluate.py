"""`recurra evaluate`: how good a bundle is on a file that holds the answers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recurra.cli.flags import SectionedCommand, settings_flags
from recurra.cli.sources import ROLES, cases_for

if TYPE_CHECKING:
    import numpy.typing as npt

    from recurra.runtime import Model
    from recurra.spec.report import Evaluation

__all__ = ["command"]


@click.command(cls=SectionedCommand)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@settings_flags(*ROLES, "target", "labels")
def command(bundle: Path, data: Path, as_json: bool, **roles: Any) -> None:
    """Measure BUNDLE on the sequences of DATA, which hold the answers."""
    import numpy as np

    from recurra import metrics, runtime

    model = runtime.load(bundle)
    begin = time.perf_counter()
    cases = cases_for(model, data, roles, need_target=True)
    encoded = model.codec.encode_cases(cases)
    answers = model.answers(encoded)
    truth = np.array(
        [case.rows["y"] for case in encoded] if model.labels else cases.target_values()
    )
    figures: Evaluation = {
        "task": model.task,
        "n": len(cases),
        "seconds": time.perf_counter() - begin,
        **metrics.evaluate(model.task, answers, truth),  # type: ignore[typeddict-item]  # METRICS names its keys
    }
    if as_json:
        print(json.dumps(figures))
    else:
        _print(figures, model, answers, truth)


def _print(
    figures: Evaluation, model: Model, answers: npt.NDArray[Any], truth: npt.NDArray[Any]
) -> None:
    from rich.console import Console
    from rich.table import Table

    from recurra import metrics

    seconds = figures["seconds"]
    print(f"{figures['n']:,} sequences in {seconds:.2f} s ({figures['n'] / seconds:,.0f} a second)")
    for name, figure in figures.items():
        if name not in ("task", "n", "seconds"):
            print(f"{name:<12}{figure:.4f}")
    if not model.labels:
        return
    table = Table("class", "precision", "recall", "f1", "sequences")
    for label, row in zip(model.labels, metrics.class_table(answers, truth), strict=True):
        table.add_row(
            str(label),
            f"{row.precision:.4f}",
            f"{row.recall:.4f}",
            f"{row.f1:.4f}",
            str(row.support),
        )
    Console().print(table)
