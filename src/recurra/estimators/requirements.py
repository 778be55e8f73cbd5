"""Whether what the `train` extra brings is installed, asked before anything heavy is imported."""

from __future__ import annotations

from importlib.util import find_spec

from recurra.errors import DependencyError

__all__ = ["TRAIN_EXTRA", "require_train_extra"]

# Import name -> name on PyPI.
TRAIN_EXTRA = {"torch": "torch", "accelerate": "accelerate", "sklearn": "scikit-learn"}


def require_train_extra() -> None:
    """Nothing, where training can run.

    Raises:
        DependencyError: a package is missing; says how to install it.
    """
    for module, package in TRAIN_EXTRA.items():
        if find_spec(module) is None:
            raise DependencyError(
                f'training needs {package}, which is not installed: pip install "recurra[train]"'
            )
