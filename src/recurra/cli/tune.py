"""`recurra tune`: settings that suit these sequences, found by trying."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recurra.cli.flags import SectionedCommand, settings_flags, settings_from
from recurra.cli.options import config_option, json_option, quiet_option
from recurra.cli.printed import counted, json_line, quoted
from recurra.estimators.requirements import require_train_extra
from recurra.spec.space import spelt

if TYPE_CHECKING:
    from recurra.spec.report import TunedTrial, Tuning

__all__ = ["command"]

# Trials that a person sees; the file has all of them.
_SHOWN = 5


@click.command(cls=SectionedCommand)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--trials", default=20, show_default=True, help="Trainings, of all processes.")
@click.option(
    "--space",
    multiple=True,
    metavar="NAME=RANGE",
    help="Search a setting: hidden=16,32 or learning_rate=1e-4..1e-1:log; NAME alone: over its own "
    "range. [default: cell, hidden, layers, dropout, batch_size, learning_rate, weight_decay, "
    "clip_norm; a setting that is given as a flag is not searched]",
)
@click.option("--only", is_flag=True, help="Search nothing but what --space names.")
@click.option(
    "--valid",
    type=click.Path(path_type=Path),
    help="Held-out sequences to judge by; default: valid_fraction of DATA.",
)
@click.option(
    "--prune/--no-prune",
    default=True,
    help="Stop trials that are worse than half of the others were by then. [default: yes]",
)
@click.option(
    "--storage",
    metavar="URL",
    help="A database that processes on several machines share, such as sqlite:///study.db. "
    "[default: a file in OUT]",
)
@click.option(
    "--study", metavar="NAME", help="Of the search in that database. [default: the name of OUT]"
)
@config_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of best.toml, the trials and the picture. "
    "[default: runs/ and the name of DATA, and -tune]",
)
@click.option("--force", is_flag=True, help="Begin anew where OUT holds a search.")
@json_option
@quiet_option
@settings_flags()
def command(
    data: Path,
    trials: int,
    space: tuple[str, ...],
    only: bool,
    valid: Path | None,
    prune: bool,
    storage: str | None,
    study: str | None,
    config: Path | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Search settings that suit the sequences of DATA, judged on a part that is held out.

    The same command goes on where it was stopped or killed; started several times at once, the
    processes share the work. What is found is OUT/best.toml, for `recurra fit --config`.
    """
    if study is not None and storage is None:
        raise click.UsageError("--study names a search in a database: give --storage URL too")
    require_train_extra()
    from recurra.cli.tune_progress import watcher
    from recurra.codecs import read_cases, task_of
    from recurra.train.extra import require_extra
    from recurra.train.tune import tune_cases

    require_extra("optuna", "tune", "recurra tune")

    def say(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    settings = settings_from(flags, config, say=say)
    cases = read_cases(data, settings.data, need_target=True)
    held = None
    if valid is not None:
        # What the first file's targets are, those of the second are too.
        named = settings.data.model_copy(update={"task": task_of(cases, settings.data)})
        held = read_cases(valid, named, need_target=True)
    out = Path("runs") / f"{data.stem}-tune" if out is None else out
    try:
        with watcher(quiet=quiet) as watch:
            found = tune_cases(
                cases,
                settings,
                out,
                watch,
                trials=trials,
                space=space,
                fixed=[name for name, value in flags.items() if value is not None],
                only=only,
                valid=held,
                storage=storage,
                name=study,
                prune=prune,
                force=force,
            )
    except KeyboardInterrupt:
        say("the same command, without --force, goes on from here")
        raise
    if as_json:
        print(json_line(found))
    else:
        show(found, data, valid, out)


def show(found: Tuning, data: Path, valid: Path | None, out: Path) -> None:
    """The best trials, and what to run next."""
    others = [f"{found['pruned']} pruned", f"{found['failed']} failed"]
    if found["running"]:
        others.append(f"{found['running']} still running")
    done = counted(len(found["trials"]), "trial")
    print(f"{found['task']}: {done}, {found['finished']} finished, {', '.join(others)}")
    for why in dict.fromkeys(trial["why"] for trial in found["trials"] if trial["why"]):
        print(f"look at: a trial failed: {why}", file=sys.stderr)
    ranked = _ranked(found)
    for trial in ranked[:_SHOWN]:
        values = ", ".join(f"{name}={spelt(v)}" for name, v in trial["settings"].items())
        print(f"  {found['metric']} {trial['value']:.4g}, trial {trial['trial']}: {values}")
    print(f"all trials: {found['table']}; picture: {found['picture']}")
    if found["config"] is not None:
        held = "" if valid is None else f" --valid {quoted(valid)}"
        config, model = quoted(found["config"]), quoted(out / "model")
        print("what to run next:")
        print(f"  recurra fit {quoted(data)}{held} --config {config} --out {model}")


def _ranked(found: Tuning) -> list[TunedTrial]:
    """The finished trials, the best first."""
    sign = -1 if found["direction"] == "max" else 1
    finished = [t for t in found["trials"] if t["state"] == "finished"]
    return sorted(finished, key=lambda t: sign * (t["value"] or 0.0))
