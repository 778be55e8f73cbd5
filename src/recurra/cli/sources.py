"""Where the answers of a bundle are asked for: its model, and a file read as the model expects."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.errors import DataError, ObservationError, ShapeError

if TYPE_CHECKING:
    from recurra.codecs import Cases
    from recurra.runtime import AbstractModel

__all__ = ["ROLES", "cases_for", "naming"]

# What may be called differently in a new file than in the one that the model was trained on.
ROLES = ("id", "time", "text", "variable", "value", "layout", "encoding")


def cases_for(
    model: AbstractModel, path: Path, roles: Mapping[str, Any], *, need_target: bool = False
) -> Cases:
    """The cases of a file, with the columns that the model was trained on; what is odd is told.

    Args:
        model: As `runtime.load` gives it.
        path: The file.
        roles: Setting -> value, None where the flag was not given.
        need_target: Whether the file has to hold the answers.

    Raises:
        DataError: as `codecs.read_cases`.
    """
    from recurra.codecs import read_cases
    from recurra.spec.settings import Settings, refuse_foreign

    given = {name: value for name, value in roles.items() if value is not None}
    settings = Settings.from_flat(given)
    refuse_foreign(settings, model.task)
    cases = read_cases(path, settings.data, need_target=need_target, expect=model.codec)
    for note in cases.notes:
        print(f"look at: {note}", file=sys.stderr)
    return cases


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What is wrong with the content of a file is told with the file's name."""
    try:
        yield
    except (DataError, ObservationError, ShapeError) as error:
        if str(path) in str(error):
            raise
        raise DataError(str(error), path=path) from None
