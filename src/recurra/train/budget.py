"""Networks of equal size: the hidden width whose parameter count comes nearest to a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from recurra.codecs import AbstractCodec
from recurra.errors import SettingsError
from recurra.spec.graph import Graph, shared_parameters
from recurra.spec.settings import ModelSettings
from recurra.tasks import AbstractTask

__all__ = ["hidden_for", "parameter_count"]


def parameter_count(graphs: Mapping[str, Graph]) -> int:
    """How many numbers a model has to learn; what its graphs share counts once."""
    return sum(prod(shape) for shape in shared_parameters(graphs).values())


def hidden_for(
    parameters: int,
    task: AbstractTask,
    settings: ModelSettings,
    codec: AbstractCodec,
    *,
    counted: Callable[[Mapping[str, Graph]], int] = parameter_count,
) -> int:
    """The `hidden` with which the network has as nearly as possible `parameters` parameters.

    Args:
        parameters: The budget.
        task: Builds the graph.
        settings: Everything but `hidden`.
        codec: Inputs and targets.
        counted: How many numbers the network of some graphs learns.

    Returns:
        H, at least 1; of two equally near the smaller.

    Raises:
        SettingsError: the budget is below 1, or beyond what the largest `hidden` needs.
    """
    if parameters < 1:
        raise SettingsError(f"parameters must be at least 1, got {parameters}")
    largest = 65536  # as ModelSettings.hidden allows

    def count(hidden: int) -> int:
        return counted(task.graphs(settings.model_copy(update={"hidden": hidden}), codec))

    if count(largest) < parameters:
        raise SettingsError(f"no hidden up to {largest} gives as many as {parameters} parameters")
    # The count rises with H: bisect for the first width that reaches the budget.
    low, high = 1, largest
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if count(middle) >= parameters else (middle + 1, high)
    below = max(1, low - 1)
    return below if parameters - count(below) <= count(low) - parameters else low
