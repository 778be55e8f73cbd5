"""`recurra import`: the recurrent layers of an ONNX or Keras file, kept in a file of their own."""

from __future__ import annotations

import stat
from pathlib import Path

import click

__all__ = ["command"]

_ZIP = b"PK\x03\x04"
_HDF5 = b"\x89HDF\r\n\x1a\n"
# A header ends at 100 MB; a character may be spelt with twelve bytes there.
_MOST_TEXT = 8_000_000


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write. [default: MODEL's name + .safetensors]",
)
@click.option("--force", is_flag=True, help="Replace OUT where it exists.")
def command(model: Path, out: Path | None, force: bool) -> None:
    """Bring the recurrent layers of MODEL (.onnx or .keras) into OUT, and say what was left.

    Nothing in MODEL is executed: a Keras file with custom objects is refused by their name. In
    Python `recurra.convert.read_layers(OUT)` gives the layers by name,
    `recurra.convert.layer_of` makes one a torch module, and `recurra.convert.read_metadata(OUT)`
    gives what an ONNX model says around them.
    """
    from recurra.convert.found import write_layers
    from recurra.convert.keras_file import read_keras
    from recurra.convert.onnx_read import load_model, metadata_of, read_onnx
    from recurra.errors import ConversionError, OutputError

    if out is None:
        out = Path(f"{model.stem}.safetensors")
    if out.is_dir():
        raise OutputError(f"{out} is a folder: name a file")
    if out.exists() and not force:
        raise OutputError(f"{out} exists: choose another name, or use --force")
    begin = _first_bytes(model)
    if begin.startswith(_HDF5) and model.name.endswith(".weights.h5"):
        raise ConversionError(
            f"{model} holds weights alone, and not the layers that they are of: load them into "
            "their model in Keras (load_weights) and save that as .keras"
        )
    if begin.startswith(_HDF5):
        raise ConversionError(
            f"{model} is an HDF5 file, Keras' older format: load it in Keras and save it as .keras"
        )
    texts: dict[str, str] = {}
    if begin.startswith(_ZIP) or model.suffix == ".keras":
        found, left = read_keras(model)
    else:
        proto = load_model(model)
        found, left = read_onnx(proto)
        texts = metadata_of(proto)
    if sum(map(len, texts.values())) > _MOST_TEXT:
        left, texts = (*left, "the model's metadata, more than a file of layers holds"), {}
    write_layers(out, found, texts)
    for one in found:
        backwards = ", read backwards" if one.reverse else ""
        count = sum(array.size for array in one.weights.values())
        print(_printable(f"{one.name}: {one.node.kind}, {count:,} weights{backwards}"))
        for note in one.notes:
            print(_printable(f"  left: {note}"))
    print(f"{len(found)} layer{'s' if len(found) > 1 else ''} in {out}")
    if texts:
        print(_printable(f"kept beside them: {', '.join(texts)}"))
    print(_printable(f"left there: {', '.join(left) or 'nothing'}"))


def _first_bytes(model: Path) -> bytes:
    """The first bytes of a file; a folder, a pipe or a device is refused."""
    from recurra.errors import ConversionError

    try:
        # Opening a pipe would wait for whoever writes to it.
        if not stat.S_ISREG(model.stat().st_mode):
            kind = "a folder" if model.is_dir() else "no file"
            raise ConversionError(f"{model} is {kind}: name an .onnx or .keras file")
        with model.open("rb") as file:
            return file.read(len(_HDF5))
    except OSError as error:
        raise ConversionError(f"{model} cannot be read: {error.strerror}") from error


def _printable(line: str) -> str:
    """A line whose names come out of a file: no escape sequence reaches the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
