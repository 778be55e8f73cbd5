"""`recurra attention`: where a bundle looks in a source for each symbol of its output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import click

from recurra.cli.options import json_option
from recurra.cli.printed import as_given, json_line, quoted, shown

if TYPE_CHECKING:
    from recurra.runtime.models.transduce import Alignment

__all__ = ["command", "picture"]

# Side of a place and room for the names, in pixels.
_SIDE, _ROOM = 28, 72
# What stands for the end of a text, which shows nothing by itself.
_END = "end"


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("source")
@click.option("--target", help="The output to look at; default: the bundle's best one.")
@click.option("--out", type=click.Path(path_type=Path), help="File of the picture: .svg.")
@click.option("--force", is_flag=True, help="Replace OUT where it exists.")
@json_option
def command(
    bundle: Path, source: str, target: str | None, out: Path | None, force: bool, as_json: bool
) -> None:
    """Tell where BUNDLE, which turns sequences into others, looks in SOURCE for each symbol.

    SOURCE is one sequence as in its files, with its features behind a tab where the bundle knows
    any. --out draws all weights: a row a symbol of the output, a column a symbol of the source.
    """
    from recurra import runtime
    from recurra.errors import OutputError, SpecError
    from recurra.runtime.models.transduce import TransduceModel
    from recurra.spec.disk import write_atomic

    if out is not None and out.suffix.lower() != ".svg":
        raise OutputError(f"{out}: the picture is an .svg: name it so")
    if out is not None and out.exists() and not force:
        raise OutputError(f"{out} exists: choose another name, or use --force")
    model = runtime.load(bundle)
    if not isinstance(model, TransduceModel):
        raise SpecError(f"{bundle} was made for the task {model.task!r}, which looks at no source")
    found = model.alignment(as_given(source), None if target is None else as_given(target))
    if out is not None:
        write_atomic(out, picture(found).encode("utf-8"))
    if as_json:
        print(json_line(found._asdict() | {"weights": found.weights.tolist()}))
        return
    for name, row in zip(found.output, found.weights, strict=True):
        place = int(row.argmax())
        print(shown(f"{name or _END}  <-  {found.source[place] or _END}  {row[place]:.2f}"))
    if out is not None:
        print(f"the picture is {quoted(out)}")


def picture(found: Alignment) -> str:
    """All weights as an SVG: the darker a place, the more the decoder looks at it."""
    rows, columns = found.weights.shape
    width, height = _ROOM + _SIDE * columns + 8, _ROOM + _SIDE * rows + 8
    parts: list[str] = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="14">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for k, name in enumerate(found.source):
        x = _ROOM + _SIDE * k + _SIDE // 2
        parts.append(
            _text(name, x, _ROOM - 8, 'text-anchor="start"', f"rotate(-60 {x} {_ROOM - 8})")
        )
    for k, name in enumerate(found.output):
        y = _ROOM + _SIDE * k + _SIDE * 2 // 3
        parts.append(_text(name, _ROOM - 8, y, 'text-anchor="end"'))
        for place, weight in enumerate(found.weights[k]):
            where = f'x="{_ROOM + _SIDE * place}" y="{_ROOM + _SIDE * k}"'
            said = f"{escape(name) or _END}, {escape(found.source[place]) or _END}: {weight:.3f}"
            parts.append(
                f'<rect {where} width="{_SIDE}" height="{_SIDE}" fill="#08306b" '
                f'fill-opacity="{weight:.3f}" stroke="#ccc"><title>{said}</title></rect>'
            )
    return "\n".join([*parts, "</svg>\n"])


def _text(name: str, x: int, y: int, anchor: str, turned: str | None = None) -> str:
    how: Any = f' transform="{turned}"' if turned else ""
    return f'<text x="{x}" y="{y}" {anchor}{how}>{escape(name) or _END}</text>'
