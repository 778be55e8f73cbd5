"""Networks of equal size: the hidden width whose parameter count comes nearest to a budget."""

from __future__ import annotations

from math import prod

from recurra.codecs import SequenceCodec
from recurra.errors import SettingsError
from recurra.spec.graph import Graph
from recurra.spec.settings import ModelSettings
from recurra.tasks import AbstractTask

__all__ = ["hidden_for", "parameter_count"]


def parameter_count(graph: Graph) -> int:
    """How many numbers a graph has to learn."""
    return sum(prod(shape) for shape in graph.parameters().values())


def hidden_for(
    parameters: int, task: AbstractTask, settings: ModelSettings, codec: SequenceCodec
) -> int:
    """The `hidden` with which the network has as nearly as possible `parameters` parameters.

    Args:
        parameters: The budget.
        task: Builds the graph.
        settings: Everything but `hidden`.
        codec: Inputs and targets.

    Returns:
        H, at least 1; of two equally near the smaller.

    Raises:
        SettingsError: the budget is below 1, or beyond what the largest `hidden` needs.
    """
    if parameters < 1:
        raise SettingsError(f"parameters must be at least 1, got {parameters}")
    largest = 65536  # as ModelSettings.hidden allows

    def count(hidden: int) -> int:
        graphs = task.graphs(settings.model_copy(update={"hidden": hidden}), codec)
        return sum(parameter_count(graph) for graph in graphs.values())

    if count(largest) < parameters:
        raise SettingsError(f"no hidden up to {largest} gives as many as {parameters} parameters")
    # The count rises with H: bisect for the first width that reaches the budget.
    low, high = 1, largest
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if count(middle) >= parameters else (middle + 1, high)
    below = max(1, low - 1)
    return below if parameters - count(below) <= count(low) - parameters else low
