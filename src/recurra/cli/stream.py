"""Standard input to standard output, one observation and one answer a line, as they come."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from recurra.cli.printed import json_line
from recurra.errors import ObservationError, RecurraError

if TYPE_CHECKING:
    from recurra.runtime import AbstractModel, Session

__all__ = ["answer_lines", "answer_stream", "observation_of"]

_KEYS = {"x", "time", "restart"}


def answer_lines(bundle: Path) -> int:
    """Answer every line of standard input; the exit code: 2 where a line was refused, else 0."""
    from recurra import runtime

    return answer_stream(runtime.load(bundle), sys.stdin.buffer, sys.stdout)


def answer_stream(model: AbstractModel, lines: BinaryIO, answers: TextIO) -> int:
    """Answer every line of `lines` before the next is read; blank lines are passed over.

    Where answers lag, those that a sequence still owes come when it ends, a line each: after the
    last line, and before the answer to one that begins a new sequence.

    Raises:
        SpecError: the model cannot run one step at a time; says why.
    """
    session = model.session()
    refused = False
    for line in lines:
        if not line.strip():
            continue
        try:
            given = [model.object_of(answer) for answer in _fed(model, session, line)]
        except RecurraError as error:
            refused = True
            given = [{"error": " ".join(str(error).split())}]
        for answer in given:
            print(json_line(answer, answers), file=answers, flush=True)
    for owed in model.owed(session):
        print(json_line(model.object_of(owed), answers), file=answers, flush=True)
    return 2 if refused else 0


def observation_of(line: bytes) -> tuple[Any, float | None, bool]:
    """Observation, time and whether a new sequence begins, as a line says them.

    Raises:
        ObservationError: the line is no JSON, or an object that says "x" and something unknown.
    """
    try:
        # json would guess UTF-16 or UTF-32 from the bytes.
        said = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        shown = line.strip()[:40].decode("utf-8", "backslashreplace")
        problem = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise ObservationError(
            f"expected one JSON value a line in UTF-8, a text in double quotes, got {shown}: "
            f"{problem}"
        ) from None
    # A feature may be called x too; then x is a number.
    if not isinstance(said, dict) or not isinstance(said.get("x"), list | dict | str):
        return said, None, False
    unknown = sorted(set(said) - _KEYS)
    if unknown:
        raise ObservationError(f"expected x, time and restart, got {unknown[0]!r}")
    restart = said.get("restart", False)
    if not isinstance(restart, bool):
        raise ObservationError(f"expected restart as true or false, got {restart!r}")
    return said["x"], said.get("time"), restart


def _fed(model: AbstractModel, session: Session, line: bytes) -> list[Any]:
    observation, time, restart = observation_of(line)
    if not restart:
        return [session.feed(observation, time)]
    before, owed = session.state(), model.owed(session)
    session.restart()
    try:
        return [*owed, session.feed(observation, time)]
    except RecurraError:
        # A refused line changes nothing: its restart is taken back too.
        session.restore(before)
        raise
