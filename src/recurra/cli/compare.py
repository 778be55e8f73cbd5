"""`recurra compare`: which cell is best on these sequences, and is its lead real."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recurra.cli.flags import SectionedCommand, settings_flags, settings_from
from recurra.cli.options import config_option, json_option, quiet_option
from recurra.cli.printed import counted, json_line, quoted
from recurra.cli.progress import clock
from recurra.estimators.requirements import require_train_extra
from recurra.spec.settings import SECTIONS

if TYPE_CHECKING:
    from recurra.spec.report import CellResult, Comparison

__all__ = ["command"]

# `cell` is what is compared.
_FLAGS = [name for section in SECTIONS.values() for name in section.model_fields if name != "cell"]


@click.command(cls=SectionedCommand)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--cells",
    default="rnn,gru,lstm,mingru",
    show_default=True,
    metavar="A,B",
    help="What is compared.",
)
@click.option(
    "--against",
    default="",
    metavar="A,B",
    help="Networks of another kind beside them: tcn, transformer. [default: none]",
)
@click.option("--seeds", default=5, show_default=True, help="Trainings of each cell.")
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    help="Sequences that judge; default: test_fraction of DATA, held out once.",
)
@click.option("--test-fraction", type=float, help="Share of DATA that is held out. [default: 0.2]")
@click.option(
    "--parameters", type=int, help="Of each network; default: as many as a GRU of `hidden` has."
)
@click.option(
    "--equal-time/--no-equal-time",
    default=True,
    help="Also train each cell for as long as the fastest one took. [default: yes]",
)
@click.option("--jobs", default=1, show_default=True, help="Processes that train side by side.")
@config_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the trainings, the picture and comparison.json. "
    "[default: runs/ and the name of DATA, and -compare]",
)
@click.option("--force", is_flag=True, help="Begin anew where OUT holds a comparison.")
@json_option
@quiet_option
@settings_flags(*_FLAGS)
def command(
    data: Path,
    cells: str,
    against: str,
    seeds: int,
    test: Path | None,
    test_fraction: float | None,
    parameters: int | None,
    equal_time: bool,
    jobs: int,
    config: Path | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Compare recurrent cells on the sequences of DATA: same parts, equal sizes, several seeds.

    The same command goes on where it was stopped; further cells or seeds are added to what is
    there. `seed` parts the sequences and begins the trainings' own seeds.
    """
    if test is not None and test_fraction is not None:
        raise click.UsageError("--test judges, or --test-fraction of DATA: leave one of them out")
    if parameters is not None and flags["hidden"] is not None:
        raise click.UsageError("--parameters says how large networks are, or --hidden: choose one")
    require_train_extra()
    from recurra.cli.compare_progress import watcher
    from recurra.train.compare import compare_cases, read_cells
    from recurra.train.compare_material import Files, read_parts
    from recurra.train.rivals import read_rivals

    def say(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    names, rivals = read_cells(_listed(cells)), read_rivals(_listed(against))
    settings = settings_from(flags, config, say=say)
    files = Files(data, test)
    cases, tested = read_parts(files, settings)
    out = Path("runs") / f"{data.stem}-compare" if out is None else out
    try:
        with watcher(quiet=quiet) as watch:
            found = compare_cases(
                cases,
                settings,
                out,
                watch,
                cells=names,
                against=rivals,
                seeds=seeds,
                test=tested,
                test_fraction=0.2 if test_fraction is None else test_fraction,
                parameters=parameters,
                equal_time=equal_time,
                jobs=jobs,
                files=files,
                force=force,
            )
    except KeyboardInterrupt:
        say("the same command, without --force, goes on from here")
        raise
    if as_json:
        print(json_line(found))
    else:
        show(found, out)


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def show(found: Comparison, out: Path) -> None:
    """The tables, the verdict, and what to run next."""
    counts = ", ".join(f"{count:,} {part}" for part, count in found["sequences"].items())
    seeds = max(len(entry["seeds"]) + len(entry["failed"]) for entry in found["results"])
    print(f"{found['task']}; sequences: {counts}; {counted(seeds, 'seed')}")
    _table(found, found["results"], f"equal parameters, about {found['parameters']:,}", "units")
    if found["equal_time"] is not None:
        timed, seconds = found["equal_time"], clock(found["equal_time"]["seconds"])
        _table(found, timed["results"], f"equal training time, {seconds} each", "epochs")
    if any(entry["interval"] for entry in found["results"]):
        print(f"intervals: paired bootstrap over {found['drawn']}")
    for entry in found["results"]:
        for why in entry["failed"]:
            print(f"look at: {entry['cell']}, {why}", file=sys.stderr)
    if found["repeated"]:
        print(
            f"look at: {found['repeated']} of the {found['sequences']['test']} test sequences are "
            "learnt from too",
            file=sys.stderr,
        )
    print(f"\n{found['verdict']}")
    if found["equal_time"] is not None:
        print(f"In equal time: {found['equal_time']['verdict']}")
    print(f"\nlearning curves: {found['picture']}; all figures: {out / 'comparison.json'}")
    ranked = _ranked(found, found["results"])
    runs = [run for entry in ranked for run in entry["seeds"][:1]]
    bundles = [run["bundle"] for run in runs if run["bundle"] is not None]
    if bundles:
        print(f"what to run next:\n  recurra info {quoted(bundles[0])}")


def _ranked(found: Comparison, results: list[CellResult]) -> list[CellResult]:
    """The best first, what failed last."""
    sign = -1 if found["direction"] == "max" else 1
    return sorted(results, key=lambda e: (e["mean"] is None, sign * (e["mean"] or 0)))


def _table(found: Comparison, results: list[CellResult], title: str, varied: str) -> None:
    """One table; `varied`: what tells the cells apart, "units" or "epochs"."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("cell", no_wrap=True)
    metric = found["metric"].replace("_", "\n")
    level = f"{found['level']:.0%} interval"
    for heading in (metric, level, "params", varied, "train", "step", "bundle"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in _ranked(found, results):
        table.add_row(*_row(entry, varied))
    table.add_section()
    for baseline in found["baselines"] if varied == "units" else []:
        table.add_row(baseline["name"].replace("_", " "), f"{baseline['mean']:.4g}")
    Console().print(table)


def _row(entry: CellResult, varied: str) -> list[str]:
    interval, seconds = entry["interval"], entry["training_seconds"]
    step, size = entry["step_us"], entry["bundle_bytes"]
    return [
        entry["cell"],
        "failed" if entry["mean"] is None else f"{entry['mean']:.4g}",
        "" if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g}",
        f"{entry['parameters']:,}",
        f"{entry['hidden' if varied == 'units' else 'epochs']:,}",
        "" if seconds is None else clock(seconds),
        "" if step is None else f"{step:.1f} µs",
        "" if size is None else f"{size / 1000:,.0f} kB",
    ]
