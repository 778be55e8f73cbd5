"""Errors are typed, share one base, and say where."""

from __future__ import annotations

import pytest

from recurra import errors


@pytest.mark.parametrize("name", errors.__all__)
def test_each_error_has_the_one_base(name: str) -> None:
    """The command line catches RecurraError alone, so every error must be one."""
    assert issubclass(getattr(errors, name), errors.RecurraError)


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("ShapeError", ValueError),
        ("DTypeError", TypeError),
        ("DataError", ValueError),
        ("OutputError", OSError),
        ("DependencyError", ImportError),
        ("NotFittedError", AttributeError),
    ],
)
def test_errors_are_also_what_python_would_raise(name: str, builtin: type[Exception]) -> None:
    """Code that knows nothing of recurra can still catch them."""
    assert issubclass(getattr(errors, name), builtin)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({}, "expected a number, got 'x'"),
        ({"path": "a.csv"}, "a.csv: expected a number, got 'x'"),
        ({"path": "a.csv", "line": 7}, "a.csv, line 7: expected a number, got 'x'"),
        (
            {"path": "a.csv", "line": 7, "column": "heat"},
            "a.csv, line 7, column 'heat': expected a number, got 'x'",
        ),
        ({"column": "heat"}, "column 'heat': expected a number, got 'x'"),
    ],
)
def test_a_data_error_says_where(where: dict[str, object], said: str) -> None:
    """File, line and column stand before the sentence, as far as they are known."""
    error = errors.DataError("expected a number, got 'x'", **where)  # type: ignore[arg-type] # drawn by name
    assert str(error) == said
    assert (error.path, error.line, error.column) == (
        where.get("path"),
        where.get("line"),
        where.get("column"),
    )
