"""`recurra predict`: a bundle's answers for a file, or for a stream of observations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recurra.cli.flags import SectionedCommand, settings_flags
from recurra.cli.options import json_option
from recurra.cli.printed import counted, json_line
from recurra.cli.sources import ROLES, cases_for, naming

__all__ = ["command"]


@click.command(cls=SectionedCommand)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("data", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File of the answers: .csv, .jsonl, .parquet or (of tags) .conll, by its name.",
)
@click.option("--force", is_flag=True, help="Replace OUT where it exists.")
@json_option
@click.option(
    "--horizon",
    type=int,
    metavar="ROWS",
    help="Of forecasts: rows ahead; default: all for which the bundle was trained.",
)
@click.option(
    "--stream",
    "streamed",
    is_flag=True,
    help="Read one JSON observation a line from standard input, write one JSON answer a line.",
)
@click.option(
    "--adapt",
    type=click.Choice(["none", "tracking"]),
    help="Of a stream: whether truths widen or narrow the sets and intervals that come.",
)
@click.option(
    "--pending",
    type=click.IntRange(min=1),
    help="Of a stream: answers that are remembered until their truth comes; default: 1.",
)
@settings_flags(*ROLES)
def command(
    bundle: Path,
    data: Path | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    horizon: int | None,
    streamed: bool,
    adapt: str | None,
    pending: int | None,
    **roles: Any,
) -> int:
    """Answer with BUNDLE for every sequence of DATA, or for a stream, one observation at a time.

    The answers of DATA go to OUT, or with --json to standard output: {"task": ..., "n": how many,
    "answers": [{"id": ..., ...}]}.

    An observation is a list of numbers, an object {"feature": number, ...}, a symbol of a text, or
    {"x": any of these, "time": number, "restart": true}; restart begins a new sequence with it. Its
    answer is {"prediction": ..., "probability": {...}}. A truth that comes later is
    {"observe": truth, "step": number}, of the newest answer or of a step's; it is answered by
    {"truths": ..., "held": ..., "coverage": ...}, what the sets or intervals so far held. A line
    that cannot be used is answered by {"error": "..."}, changes nothing in the stream, and makes
    the exit code 2 at the end.
    """
    chosen = {
        name: value
        for name, value in {"adapt": adapt, "pending": pending}.items()
        if value is not None
    }
    if streamed:
        if data is not None or out is not None:
            raise click.UsageError("--stream reads standard input: leave DATA and --out out")
        if as_json:
            raise click.UsageError("--stream answers in JSON of itself: leave --json out")
        from recurra.cli.stream import answer_lines

        return answer_lines(bundle, horizon, **chosen)
    if data is None or (out is None and not as_json):
        raise click.UsageError("expected DATA and --out FILE or --json, or --stream")
    if chosen:
        raise click.UsageError(
            f"--{next(iter(chosen))} is about streams: give --stream, or leave it out"
        )
    _answer_file(bundle, data, out, force, as_json, horizon, roles)
    return 0


def _answer_file(
    bundle: Path,
    data: Path,
    out: Path | None,
    force: bool,
    as_json: bool,
    horizon: int | None,
    roles: dict[str, Any],
) -> None:
    from recurra import runtime
    from recurra.cli.answers import horizon_of, objects_of, writer_for
    from recurra.errors import OutputError
    from recurra.spec.disk import write_atomic

    to_bytes = None if out is None else writer_for(out)
    if out is not None and out.exists() and not force:
        raise OutputError(f"{out} exists: choose another name, or use --force")
    model = runtime.load(bundle)
    rows = horizon_of(model, bundle, horizon)
    cases = cases_for(model, data, roles)
    with naming(data):
        answers = model(cases)
    if rows is not None:
        answers = [answer.first(rows) for answer in answers]
    if out is not None and to_bytes is not None:
        write_atomic(out, to_bytes(model, cases, answers))
    if as_json:
        found = objects_of(model, cases, answers)
        print(json_line({"task": model.task, "n": len(found), "answers": found}))
    else:
        print(f"{counted(len(cases), 'answer')} in {out}")
