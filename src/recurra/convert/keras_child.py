"""The work of the process that `keras_file` starts: the recurrent layers of a `.keras` file.

Source: keras.saving, format of Keras 3 (config.json and model.weights.h5 in a zip).
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from pathlib import Path

from recurra.convert.apart import answer_with
from recurra.convert.found import Found, layers_to_bytes
from recurra.convert.keras_model import Reader, refuse_custom
from recurra.errors import ConversionError, DependencyError, RecurraError
from recurra.spec.canonical import json_to_bytes

__all__ = ["LAYERS", "LEFT", "layers_in"]

# The first line of an answer with layers, and where its bytes keep what was left.
LAYERS = b"layers"
LEFT = "recurra.left"
# A config is text; the arrays are bounded by what the zip says of them.
_MOST_CONFIG_BYTES = 64 * 2**20
_MOST_WEIGHT_BYTES = 8 * 2**30
# What zipfile, zlib and h5py raise where the bytes are not what they say.
_DAMAGE = (ArithmeticError, EOFError, RuntimeError, ValueError, zlib.error)


def layers_in(path: str | Path) -> tuple[list[Found], tuple[str, ...]]:
    """As `keras_file.read_keras`, in this very process."""
    path = Path(path)
    try:
        import h5py
    except ImportError as error:
        raise DependencyError(
            'reading a .keras file needs h5py: pip install "recurra[keras]"'
        ) from error
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, "config.json", _MOST_CONFIG_BYTES))
            raw = _member(archive, "model.weights.h5", _MOST_WEIGHT_BYTES)
        refuse_custom(config)
        with h5py.File(io.BytesIO(raw), "r") as weights:
            reader = Reader(h5py)
            reader.walk(config, weights)
    except RecurraError:
        raise
    except OSError as error:
        if error.strerror:
            raise ConversionError(f"{path} cannot be read: {error.strerror}") from error
        raise ConversionError(f"{path}: its weights are no HDF5 file, or damaged") from error
    except (zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConversionError(f"{path} is no .keras file (a zip with config.json)") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ConversionError(f"{path} is not as Keras writes it: {error}") from error
    except _DAMAGE as error:
        raise ConversionError(f"{path} is damaged: {error}") from error
    if not reader.found and reader.refused:
        raise ConversionError(reader.refused[0])
    if not reader.found:
        held = ", ".join(reader.left) or "nothing"
        raise ConversionError(f"{path} has no GRU, LSTM or SimpleRNN; it has {held}")
    return reader.found, (*reader.refused, *reader.left)


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        about = archive.getinfo(name)
    except KeyError:
        raise ConversionError(
            f"{archive.filename} has no {name}: it is no .keras file of Keras 3"
        ) from None
    if about.file_size > most:
        raise ConversionError(f"{name} has {about.file_size} bytes, more than is read here")
    return archive.read(about)


def _answer(path: str) -> bytes:
    try:
        found, left = layers_in(path)
        return LAYERS + b"\n" + layers_to_bytes(found, {LEFT: json_to_bytes(left).decode("ascii")})
    except MemoryError:
        error: RecurraError = ConversionError(
            f"{path} claims more than the memory that a file of its size needs: it is damaged or "
            "forged; save the model again, or get the file anew"
        )
    except RecurraError as known:
        error = known
    refused = {"error": type(error).__name__, "message": str(error)}
    return b"refused\n" + json_to_bytes(refused)


if __name__ == "__main__":
    answer_with(_answer)
