"""Standard input to standard output, one observation and one answer a line, as they come."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from recurra.cli.answers import horizon_of
from recurra.cli.printed import json_line
from recurra.errors import ObservationError, RecurraError

if TYPE_CHECKING:
    from recurra.runtime import AbstractModel, Session

__all__ = ["answer_lines", "answer_stream", "observation_of"]

_KEYS = {"x", "time", "restart"}


def answer_lines(bundle: Path, horizon: int | None = None, **choices: Any) -> int:
    """Answer every line of standard input; the exit code: 2 where a line was refused, else 0."""
    from recurra import runtime

    model = runtime.load(bundle)
    rows = horizon_of(model, bundle, horizon)
    return answer_stream(model, sys.stdin.buffer, sys.stdout, rows, **choices)


def answer_stream(
    model: AbstractModel,
    lines: BinaryIO,
    answers: TextIO,
    horizon: int | None = None,
    **choices: Any,
) -> int:
    """Answer every line of `lines` before the next is read; blank lines are passed over.

    Where answers lag, those that a sequence still owes come when it ends, a line each: after the
    last line, and before the answer to one that begins a new sequence.

    Args:
        model: Whose sessions.
        lines: Observations, and truths.
        answers: Where they go.
        horizon: Of forecasts: so many of their rows are written; None: all.
        **choices: Of the session, where they are not its own: adapt, pending.

    Raises:
        SpecError: the model cannot run one step at a time, or knows no such choice; says why.
    """
    session = model.session(**choices)

    def written(answer: Any) -> dict[str, Any]:
        return model.object_in(session, answer if horizon is None else answer.first(horizon))

    refused = False
    for line in lines:
        if not line.strip():
            continue
        try:
            given = _answers(model, session, line, written)
        except RecurraError as error:
            refused = True
            given = [{"error": " ".join(str(error).split())}]
        for answer in given:
            print(json_line(answer, answers), file=answers, flush=True)
    for owed in model.owed(session):
        print(json_line(written(owed), answers), file=answers, flush=True)
    return 2 if refused else 0


def observation_of(line: bytes) -> tuple[Any, Any, bool]:
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


def _answers(
    model: AbstractModel, session: Session, line: bytes, written: Callable[[Any], dict[str, Any]]
) -> list[dict[str, Any]]:
    """What a line is answered with: an answer as an object, or what its truth says."""
    observation, time, restart = observation_of(line)
    truth = isinstance(observation, dict) and "observe" in observation
    # A feature may be called observe too.
    if truth and "observe" not in model.features:
        return [_observed(session, observation)]
    _refuse_beside(observation, model.features)
    return list(map(written, _fed(model, session, observation, time, restart=restart)))


def _refuse_beside(observation: Any, features: Sequence[str]) -> None:
    """A time that stands among the features belongs beside them."""
    if not isinstance(observation, dict):
        return
    beside = [key for key in ("time", "restart") if key in observation and key not in features]
    if beside:
        inner = {key: value for key, value in observation.items() if key not in beside}
        form = json_line({"x": inner, **{key: observation[key] for key in beside}})
        raise ObservationError(f"expected {beside[0]} beside x and not in it: {form}")


def _observed(session: Session, said: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(said) - {"observe", "step"})
    if unknown:
        raise ObservationError(f"expected observe and step, got {unknown[0]!r}")
    measured = session.observe(said["observe"], said.get("step"))
    found: dict[str, Any] = measured._asdict()
    return found | {"coverage": measured.coverage if measured.truths else None}


def _fed(
    model: AbstractModel, session: Session, observation: Any, time: Any, *, restart: bool
) -> list[Any]:
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
