"""`recurra import`: the recurrent layers of an ONNX or Keras file, kept in a file of their own."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]

_ZIP = b"PK\x03\x04"


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--force", is_flag=True, help="Replace OUT where it exists.")
def command(model: Path, out: Path, force: bool) -> None:
    """Bring the recurrent layers of MODEL (.onnx or .keras) into OUT, and say what was left.

    Nothing in MODEL is executed: a Keras file with custom objects is refused by their name. In
    Python `recurra.convert.read_layers(OUT)` gives the layers by name, and
    `recurra.convert.layer_of` makes one a torch module.
    """
    from recurra.convert.found import write_layers
    from recurra.convert.keras_file import read_keras
    from recurra.convert.onnx_read import read_onnx
    from recurra.errors import ConversionError, OutputError

    if out.exists() and not force:
        raise OutputError(f"{out} exists: choose another name, or use --force")
    try:
        with model.open("rb") as file:
            zipped = file.read(len(_ZIP)) == _ZIP
    except OSError as error:
        raise ConversionError(f"{model} cannot be read: {error.strerror}") from error
    found, left = read_keras(model) if zipped or model.suffix == ".keras" else read_onnx(model)
    write_layers(out, found)
    for one in found:
        backwards = ", read backwards" if one.reverse else ""
        count = sum(array.size for array in one.weights.values())
        print(f"{one.name}: {one.node.kind}, {count:,} weights{backwards}")
        for note in one.notes:
            print(f"  left: {note}")
    print(f"{len(found)} layer{'s' if len(found) > 1 else ''} in {out}")
    print(f"left there: {', '.join(left) or 'nothing'}")
