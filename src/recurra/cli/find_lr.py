"""`recurra find-lr`: the learning rate at which the loss of a training falls fastest."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recurra.cli.flags import SectionedCommand, settings_flags, settings_from
from recurra.cli.hints import flags_of
from recurra.cli.options import config_option, json_option
from recurra.cli.printed import json_line, quoted
from recurra.errors import OutputError, SettingsError
from recurra.estimators.requirements import require_train_extra
from recurra.spec.settings import SECTIONS

if TYPE_CHECKING:
    from recurra.spec.report import RangeTest

__all__ = ["command"]

# What the test itself chooses.
_OWN = ("learning_rate", "schedule", "decay_factor", "decay_epochs", "warmup", "epochs")
_FLAGS = [
    name for section in SECTIONS.values() for name in section.model_fields if name not in _OWN
]


@click.command(cls=SectionedCommand)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--steps", default=100, show_default=True, help="Optimiser steps of the test.")
@click.option("--lowest", default=1e-6, show_default=True, help="The first learning rate.")
@click.option("--highest", default=1.0, show_default=True, help="The last learning rate.")
@config_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File of the curve, .svg. [default: runs/ and the name of DATA, and -find-lr.svg]",
)
@click.option("--force", is_flag=True, help="Replace the curve that is there.")
@json_option
@settings_flags(*_FLAGS)
def command(
    data: Path,
    steps: int,
    lowest: float,
    highest: float,
    config: Path | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Raise the learning rate step by step on the sequences of DATA and draw what the loss does.

    Nothing is learnt that lasts: the weights are thrown away. Give the other settings as `fit`
    will have them, since a good rate depends on the network, the batch and the optimiser.
    """
    require_train_extra()
    from recurra.codecs import read_cases
    from recurra.spec.disk import write_atomic
    from recurra.train.find_lr import find_lr, range_curve

    if not 0 < lowest < highest < math.inf:
        raise SettingsError(
            "the learning rate rises from --lowest to --highest: expected 0 < lowest < highest, "
            f"both finite, got {lowest:g} and {highest:g}"
        )
    out = Path("runs") / f"{data.stem}-find-lr.svg" if out is None else out
    if out.suffix.lower() != ".svg":
        raise OutputError(f"{out}: expected a name that ends in .svg, got {out.suffix!r}")
    if out.exists() and not force:
        raise OutputError(f"{out} exists: choose another --out, or --force replaces it")
    settings = settings_from(flags, config, say=lambda line: print(line, file=sys.stderr))
    cases = read_cases(data, settings.data, need_target=True)
    found = find_lr(cases, settings, steps=steps, lowest=lowest, highest=highest)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, range_curve(found).encode("utf-8"))
    if as_json:
        print(json_line(found))
    else:
        show(found, out, _fit(data, config, flags))


def _fit(data: Path, config: Path | None, flags: Mapping[str, Any]) -> str:
    """The training with the settings of this test, but for its learning rate."""
    place = [] if config is None else [f"--config {quoted(config)}"]
    return " ".join(["recurra fit", quoted(data), *place, *flags_of(flags)])


def show(found: RangeTest, out: Path, fit: str) -> None:
    """What was seen, and what to run next."""
    rate, burst = found["learning_rate"], found["burst_at"]
    seen = f"lowest at {found['lowest_at']:.2g}"
    seen += "; it did not burst" if burst is None else f"; it bursts at {burst:.2g}"
    print(f"the curve is {out}")
    if rate is None:
        print(f"no learning rate can be recommended: {found['why']} ({seen})")
        return
    print(f"the loss falls fastest at a learning rate of {rate:.2g}, {seen}")
    print(f"the settings have {found['now']:.2g}; what to run next:")
    print(f"  {fit} --learning-rate {rate:.2g}")
