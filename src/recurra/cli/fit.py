"""`recurra fit`: from a file of sequences to a bundle."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recurra.cli import continued as continued_module
from recurra.cli.app import INTERRUPTED
from recurra.cli.flags import SectionedCommand, settings_flags, settings_from
from recurra.cli.hints import again
from recurra.cli.options import config_option, json_option, quiet_option
from recurra.cli.printed import counted, json_line, quoted
from recurra.estimators.requirements import require_train_extra
from recurra.train.processes import size

if TYPE_CHECKING:
    from recurra.train.fit import Fitted

__all__ = ["command"]


@click.command(cls=SectionedCommand)
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("more", required=False, type=click.Path(path_type=Path))
@config_option
@click.option(
    "--valid",
    type=click.Path(path_type=Path),
    help="Held-out sequences to watch; default: valid_fraction of DATA.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the bundle; checkpoint and history go beside it, to OUT.run. "
    "[default: runs/ and the name of DATA]",
)
@click.option("--resume", is_flag=True, help="Go on where a stopped training left off, or begin.")
@click.option("--force", is_flag=True, help="Replace what stands in OUT.")
@click.option(
    "--continue",
    "continued",
    is_flag=True,
    help="DATA is a bundle that goes on learning from MORE; it is kept as BUNDLE.before, and "
    "replaced only by one that is better on the newest sequences.",
)
@click.option(
    "--roll-back", is_flag=True, help="DATA is such a bundle: put back what it was before."
)
@json_option
@quiet_option
@settings_flags()
def command(
    data: Path,
    more: Path | None,
    config: Path | None,
    valid: Path | None,
    out: Path | None,
    resume: bool,
    force: bool,
    continued: bool,
    roll_back: bool,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> int:
    """Train a network on the sequences of DATA and write it as a bundle.

    A setting comes from its flag, else from the TOML file, else from its default. Ctrl-C ends the
    training, saves the best epoch so far as the bundle and gives exit code 130; --resume goes on.
    """
    if roll_back:
        if continued or more is not None or out is not None:
            raise click.UsageError("--roll-back takes BUNDLE and nothing else: leave the rest out")
        continued_module.roll_back(data)
        former = quoted(continued_module.before(data))
        print(f"{quoted(data)} and {former} have changed places; the same command undoes it")
        return 0
    if (more is not None) != continued:
        raise click.UsageError("expected BUNDLE MORE with --continue, or DATA without it")
    require_train_extra()
    from recurra.cli.progress import watcher
    from recurra.codecs import inspect_cases, read_cases
    from recurra.train.fit import fit_cases
    from recurra.train.places import writing
    from recurra.train.processes import rank

    # Of several processes the first one alone speaks.
    first = rank() == 0
    quiet = quiet or not first

    def say(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    settings = settings_from(flags, config, say=say)
    if more is not None:
        continued_module.refuse_network(flags)
        with watcher(quiet=quiet) as progress:
            fitted = continued_module.continue_bundle(
                data, more, settings, valid=valid, out=out, progress=progress
            )
        target = out or data
        kept = fitted.best_epoch == 0
        if as_json:
            print(json_line({**fitted.report(data if kept else target), "kept": kept}))
        elif kept:
            print(f"no epoch was better on the newest sequences: {data} stays as it is")
        else:
            _summary(fitted, target)
            if out is None:
                print(f"  recurra fit {quoted(data)} --roll-back   puts the former one back")
        return INTERRUPTED if fitted.stopped == "interrupted" else 0
    out = Path("runs") / data.stem if out is None else out
    cases = read_cases(data, settings.data, need_target=True)
    for warning in inspect_cases(cases, settings.data).warnings:
        say(f"look at: {warning}")
    held_out = None if valid is None else read_cases(valid, settings.data, need_target=True)
    with writing(out) if first else nullcontext():
        with watcher(quiet=quiet) as progress:
            fitted = fit_cases(
                cases,
                settings,
                valid=held_out,
                folder=out,
                resume=resume,
                force=force,
                progress=progress,
            )
        # A resumed training replaces the bundle that its interruption left.
        fitted.export(out, force=force or resume)
    if not first:
        return INTERRUPTED if fitted.stopped == "interrupted" else 0
    if as_json:
        print(json_line(fitted.report(out)))
    else:
        _summary(fitted, out, again(data, config, valid, out, flags))
    return INTERRUPTED if fitted.stopped == "interrupted" else 0


def _summary(fitted: Fitted, out: Path, resume: str | None = None) -> None:
    """What came of it and what to run next; `resume` goes on with it, should it not be done."""
    from recurra.cli.progress import clock
    from recurra.train.doctor.judge import short

    report, bundle = fitted.report(out), quoted(out)
    where = f"epoch {report['best_epoch']} of {report['epochs']}"
    print(
        f"{report['cell'].upper()} with {counted(report['parameters'], 'parameter')}, "
        f"{report['metric']} {report['best_metric']:.4f} ({where}), "
        f"{clock(report['fit_seconds'])}; the bundle is {out}"
    )
    beside = fitted.beside()
    if beside is not None:
        print(beside)
    for remark in fitted.remarks():
        print(f"look at: {remark}", file=sys.stderr)
    for line in short(fitted.findings()):
        print(line)
    print("what to run next:")
    if fitted.stopped == "interrupted" and resume is not None:
        launched = ", started by the same launcher," if size() > 1 else ""
        print(f"  {resume}  {launched} goes on")
    print(f"  recurra evaluate {bundle} TEST_FILE")
    print(f"  recurra predict {bundle} NEW_FILE --out answers.csv")
    # Of several graphs none answers a stream by itself.
    silent = (g.why_not_streaming() for g in fitted.graphs.values())
    if len(fitted.graphs) == 1 and not any((fitted.codec.why_not_streaming(), *silent)):
        print(f"  recurra predict {bundle} --stream   one observation a line in, one answer out")
    for line in fitted.task.commands:
        print("  " + line.format(bundle=bundle))
    print(f"  recurra info {bundle}")
