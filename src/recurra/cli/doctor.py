"""`recurra doctor`: what is wrong with a training, and what to try."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recurra.cli.options import json_option
from recurra.cli.printed import json_line
from recurra.estimators.requirements import require_train_extra

if TYPE_CHECKING:
    from recurra.spec.report import Diagnosis

__all__ = ["command"]

_WIDTH = 96


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@json_option
def command(run: Path, as_json: bool) -> None:
    """Say what is wrong with the training RUN, the worst first, and which setting to try.

    RUN is the folder that `fit` was given as --out, or OUT.run beside it; the training may be
    finished, stopped or broken off. Nothing is trained and nothing is written.
    """
    require_train_extra()
    from recurra.spec.report import Diagnosis
    from recurra.train.doctor.judge import findings
    from recurra.train.doctor.signals import Evidence

    evidence = Evidence.read(run)
    found = Diagnosis(
        run=str(run),
        task=evidence.signals["task"],
        epochs=len(evidence.history),
        stopped=evidence.signals.get("stopped", ""),
        findings=findings(evidence),
    )
    if as_json:
        print(json_line(found))
    else:
        show(found)


def show(found: Diagnosis) -> None:
    """Each finding: what was seen, why it matters, what to try."""
    from recurra.train.doctor.finding import flag

    ended = {"failed": "broke off", "": "is not finished"}.get(
        found["stopped"], f"ended by {found['stopped']}"
    )
    print(f"{found['run']}: {found['task']}, {found['epochs']} epochs; the training {ended}")
    if not found["findings"]:
        print("nothing found that looks wrong")
        return
    for number, finding in enumerate(found["findings"], 1):
        print()
        _say(f"{number}. ", f"{finding['name'].replace('_', ' ')}: {finding['seen']}")
        _say("   why: ", finding["why"])
        _say("   try: ", finding["advice"])
        if finding["settings"]:
            _say("        ", flag(finding["settings"]))


def _say(head: str, text: str) -> None:
    print(textwrap.fill(text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head)))
