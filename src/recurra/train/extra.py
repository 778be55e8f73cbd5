"""What an extra of the package brings, asked for before it is needed."""

from __future__ import annotations

from importlib.util import find_spec

from recurra.errors import DependencyError

__all__ = ["require_extra"]


def require_extra(module: str, extra: str, doing: str) -> None:
    """Nothing, where `module` is installed.

    Args:
        module: Its import name.
        extra: The extra that brings it.
        doing: What asks for it.

    Raises:
        DependencyError: it is missing; says how to install it.
    """
    if find_spec(module) is None:
        raise DependencyError(
            f'{doing} needs {module}, which is not installed: pip install "recurra[{extra}]"'
        )
