"""The recurrent part of a graph as the settings describe it: a cell, a bidirectional or a stack."""

from __future__ import annotations

from typing import Any

from recurra.errors import SettingsError
from recurra.spec.cells import CELLS, AbstractCell, AbstractRecurrentCell
from recurra.spec.node import AbstractNode
from recurra.spec.nodes import Bidirectional, Stack
from recurra.spec.settings import ModelSettings

__all__ = ["cell_node", "encoder_node"]


def cell_node(settings: ModelSettings, input_size: int) -> AbstractCell:
    """One cell of the chosen kind, I = `input_size`, H = `settings.hidden`.

    Raises:
        SettingsError: a weight dropout for a cell without recurrent weights.
    """
    kind = CELLS[settings.cell]
    choices: dict[str, Any] = {
        "input_size": input_size,
        "hidden_size": settings.hidden,
        "gate_activation": settings.gate_activation,
        "bias": settings.bias,
        "learn_initial_state": settings.learn_initial_state,
        "zoneout": settings.zoneout,
    }
    if settings.activation is not None:
        choices["activation"] = settings.activation
    if issubclass(kind, AbstractRecurrentCell):
        choices["weight_dropout"] = settings.weight_dropout
    elif settings.weight_dropout:
        raise SettingsError(
            f"weight_dropout={settings.weight_dropout}: {settings.cell} has no recurrent weights "
            "to drop; set it to 0, or take another cell"
        )
    if settings.cell == "gru":
        choices["reset"] = settings.reset
    elif settings.cell == "lstm":
        choices["zoneout_cell"] = settings.zoneout
    return kind(**choices)


def encoder_node(settings: ModelSettings, input_size: int) -> AbstractNode:
    """Steps of `input_size` floats -> steps of H (bidirectional: 2H) floats.

    One layer without a residual connection is the layer itself, not a stack of one.
    """
    layers: list[AbstractNode] = []
    size = input_size
    for _ in range(settings.layers):
        cell = cell_node(settings, size)
        layers.append(
            Bidirectional(forward=cell, backward=cell) if settings.bidirectional else cell
        )
        size = settings.hidden * (2 if settings.bidirectional else 1)
    if len(layers) == 1 and not settings.residual:
        return layers[0]
    return Stack(
        layers=tuple(layers),
        dropout=settings.dropout,
        variational=settings.variational,
        residual=settings.residual,
    )
