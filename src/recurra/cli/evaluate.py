"""`recurra evaluate`: how good a bundle is on a file that holds the answers."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from recurra.cli.flags import SectionedCommand, settings_flags
from recurra.cli.options import json_option
from recurra.cli.printed import counted, json_line, print_table
from recurra.cli.sources import ROLES, cases_for, naming

__all__ = ["command"]


@click.command(cls=SectionedCommand)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@json_option
@settings_flags(*ROLES, "target", "labels", "stride")
def command(bundle: Path, data: Path, as_json: bool, **roles: Any) -> None:
    """Measure BUNDLE on the sequences of DATA, which hold the answers."""
    from recurra import runtime

    model = runtime.load(bundle)
    begin = time.perf_counter()
    cases = cases_for(model, data, roles, need_target=True)
    with naming(data):
        encoded = model.encoded(cases)
        answers = model.answers(encoded)
    figures: dict[str, Any] = {
        "task": model.task,
        "n": len(encoded),
        "seconds": time.perf_counter() - begin,
        **model.figures(answers, encoded, cases),
    }
    if as_json:
        print(json_line(figures))
    else:
        _print(figures, encoded.unit, model.tables(answers, encoded, cases))
    for remark in model.remarks(figures):
        print(f"look at: {remark}", file=sys.stderr)


def _print(figures: dict[str, Any], unit: str, tables: list[tuple[Any, ...]]) -> None:
    seconds = figures["seconds"]
    speed = figures["n"] / seconds
    print(f"{counted(figures['n'], unit)} in {seconds:.2f} s ({speed:,.0f} a second)")
    shown = {n: figure for n, figure in figures.items() if n not in ("task", "n", "seconds")}
    width = max(12, *(len(name) + 2 for name in shown))
    for name, figure in shown.items():
        print(f"{name:<{width}}{figure:.4f}")
    for headings, *rows in tables:
        print_table(headings, rows)
