"""Two cells over the same steps, the second from each row's end."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import SpecError
from recurra.layers.abstract import AbstractLayer, AbstractRecurrent, as_state
from recurra.spec.nodes import Bidirectional as BidirectionalNode
from recurra.spec.state import BidirectionalState

__all__ = ["Bidirectional"]

# A child called `forward` would hide the module's own method, so the children have longer names
# than the node's fields; in a state_dict they carry the paths of the node.
_CHILDREN = (("forward_cell.", "forward."), ("backward_cell.", "backward."))


def _rename(state_dict: dict[str, Any], old: str, new: str) -> None:
    for key in [key for key in state_dict if key.startswith(old)]:
        state_dict[new + key.removeprefix(old)] = state_dict.pop(key)


def _to_node_paths(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, metadata: object
) -> None:
    del module, metadata
    for child, field in _CHILDREN:
        _rename(state_dict, prefix + child, prefix + field)


def _to_child_paths(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, *others: object
) -> None:
    del module, others
    for child, field in _CHILDREN:
        _rename(state_dict, prefix + field, prefix + child)


class Bidirectional(AbstractLayer):
    """Two cells over the same steps: x [B, T, I] -> y [B, T, H + H], forward's output first.

    The backward cell reads each row from its own last step (of `lengths`) to its first, so that
    padding takes no part; with `starts` it begins at each segment's last step. There is no `step`.

    Args:
        forward: The cell that reads from the first step to the last.
        backward: The cell that reads from the last step to the first.

    Raises:
        SpecError: one of them is no cell, or they take inputs of different sizes.

    Source: Schuster & Paliwal 1997.
    """

    node: BidirectionalNode

    def __init__(self, forward: AbstractRecurrent, backward: AbstractRecurrent) -> None:
        for side, cell in (("forward", forward), ("backward", backward)):
            if not isinstance(cell, AbstractRecurrent):
                raise SpecError(
                    f"Bidirectional expected {side} to be a GRU, LSTM, RNN or MinGRU, "
                    f"got {type(cell).__name__}"
                )
        if forward is backward:
            raise SpecError(
                "Bidirectional got the same cell for both directions: give each its own weights"
            )
        super().__init__(BidirectionalNode(forward=forward.node, backward=backward.node))
        self.forward_cell = forward
        self.backward_cell = backward
        self.register_state_dict_post_hook(_to_node_paths)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.register_load_state_dict_pre_hook(_to_child_paths)  # type: ignore[no-untyped-call]  # the same

    def initial_state(self, batch: int) -> BidirectionalState:
        """The states with which the two cells begin."""
        return BidirectionalState(
            self.forward_cell.initial_state(batch), self.backward_cell.initial_state(batch)
        )

    def forward(
        self,
        x: Tensor,
        state: BidirectionalState | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, BidirectionalState]:
        """Run both ways over a whole sequence; arguments as a cell's.

        Returns:
            Outputs [B, T, H + H], zero beyond `lengths`; the forward state after each row's last
            step and the backward state after its first.
        """
        if state is None:
            ahead = back = None
        else:
            ahead, back = as_state("Bidirectional", state, BidirectionalState)
        y, ahead = self.forward_cell(x, ahead, lengths=lengths, valid=valid, starts=starts)
        z, back = self.backward_cell(
            x, back, lengths=lengths, valid=valid, starts=starts, reverse=True
        )
        return torch.cat((y, z), 2), BidirectionalState(ahead, back)

    def why(self, x: Tensor, state: BidirectionalState | None = None, **steps: Any) -> Any:
        """What `why` of each cell says, by direction."""
        ahead, back = (None, None) if state is None else state
        return {
            "forward": self.forward_cell.why(x, ahead, **steps),
            "backward": self.backward_cell.why(x, back, **steps, reverse=True),
        }
