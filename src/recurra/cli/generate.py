"""`recurra generate`: a bundle continues a text, or a sequence of frames, as it is drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource

from recurra.cli.flags import SectionedCommand
from recurra.cli.options import json_option
from recurra.cli.printed import as_given, json_line

if TYPE_CHECKING:
    from recurra.runtime.models.generate import GenerateModel

__all__ = ["command"]

_OF_DRAWS = ("temperature", "top_k", "top_p", "seed", "stop")
_OF_BEAMS = ("length_penalty",)


@click.command(cls=SectionedCommand)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--prompt", default="", help="What to continue; frames as JSON: [[60,64],[]].")
@click.option("--length", default=200, help="Most symbols, or frames. [default: 200]")
@click.option("--count", default=1, help="So many continuations. [default: 1]")
@click.option("--temperature", default=1.0, help="0: always the most probable. [default: 1]")
@click.option("--top-k", default=0, help="Among the k most probable only; 0: all. [default: 0]")
@click.option(
    "--top-p",
    default=1.0,
    help="Among the fewest most probable that hold so much probability. [default: 1]",
)
@click.option("--seed", default=0, help="The same seed gives the same text. [default: 0]")
@click.option("--stop", multiple=True, help="Ends before this text; may be given several times.")
@click.option("--beam", default=0, help="Search with so many hypotheses; 0: draw. [default: 0]")
@click.option("--length-penalty", default=0.0, help="Of the beam: 0 sums, 1 is the mean a symbol.")
@click.option(
    "--unknown",
    type=click.Choice(["refuse", "read"]),
    default="refuse",
    help="What becomes of symbols of the prompt that training did not show.",
)
@click.option("--echo", is_flag=True, help="Write the prompt first.")
@json_option
def command(
    bundle: Path,
    prompt: str,
    length: int,
    count: int,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
    stop: tuple[str, ...],
    beam: int,
    length_penalty: float,
    unknown: Literal["refuse", "read"],
    echo: bool,
    as_json: bool,
) -> None:
    """Continue a prompt with BUNDLE, which was trained with task=generate.

    A text is written as it is drawn; frames come one a line. With --json all continuations come at
    the end: {"prompt": ..., "continuations": [...]}, of a beam also their "scores".
    """
    from recurra import runtime
    from recurra.decode import Sampling
    from recurra.errors import BundleError
    from recurra.runtime.models.generate import GenerateModel

    model = runtime.load(bundle)
    if not isinstance(model, GenerateModel):
        raise BundleError(
            f"bundle {bundle} was made for the task {model.task!r}: generate needs one that was "
            "trained with task=generate"
        )
    _refuse_idle_flags(beam, count)
    given: Any = as_given(prompt) if model.symbols else _frames_of(prompt)
    choices: dict[str, Any] = {
        "length": length,
        "sampling": Sampling(temperature, top_k, top_p, seed),
        "stop": tuple(map(as_given, stop)),
        "unknown": unknown,
    }
    if beam:
        found = model.search(
            given, length=length, width=beam, length_penalty=length_penalty, unknown=unknown
        )[:count]
        texts = [text for text, _ in found]
        _write(model, given, texts, echo, as_json, {"scores": [score for _, score in found]})
    elif as_json or count != 1:
        texts = model.generate(given, count=count, **choices)
        _write(model, given, texts, echo, as_json, {})
    else:
        _write_as_drawn(model, given, choices, echo)


def _refuse_idle_flags(beam: int, count: int) -> None:
    """What only the other way of going on reads would change nothing."""
    context = click.get_current_context()
    idle = _OF_DRAWS if beam else _OF_BEAMS
    for name in idle:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            flag = f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"{flag} is of draws, and --beam searches: leave one of them out"
                if beam
                else f"{flag} is of the beam: give --beam too, or leave it out"
            )
    if beam > 0 and count > beam:
        raise click.UsageError(
            f"--count expected at most as many as --beam, {beam}, got {count}: widen the beam"
        )


def _write_as_drawn(model: GenerateModel, prompt: Any, choices: dict[str, Any], echo: bool) -> None:
    pieces = model.continued(prompt, **choices)
    if echo:
        _show(model, prompt if model.symbols else list(prompt))
    for (piece,) in pieces:
        _show(model, piece if model.symbols else [piece])
    if model.symbols:
        print()


def _write(
    model: GenerateModel,
    prompt: Any,
    found: list[Any],
    echo: bool,
    as_json: bool,
    more: dict[str, Any],
) -> None:
    if as_json:
        print(json_line({"prompt": prompt, "continuations": found, **more}))
        return
    for k, one in enumerate(found):
        if k:
            print()
        if echo:
            _show(model, prompt if model.symbols else list(prompt))
        _show(model, one)
        if model.symbols:
            print()


def _show(model: GenerateModel, piece: Any) -> None:
    if model.symbols:
        print(piece, end="", flush=True)
    else:
        for frame in piece:
            print(json.dumps(list(frame)), flush=True)


def _frames_of(prompt: str) -> tuple[tuple[int, ...], ...]:
    """The frames that a prompt spells as JSON; an empty prompt spells none."""
    from recurra.codecs.frames import check_frames
    from recurra.errors import DataError

    if not prompt.strip():
        return ()
    try:
        said = json.loads(prompt)
    except (ValueError, RecursionError):
        raise DataError(
            f"prompt expected frames as JSON, such as [[60, 64], []], got {prompt[:40]!r}"
        ) from None
    return check_frames(said, "prompt")
