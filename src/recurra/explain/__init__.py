"""Why a network does what it does: what flows through its recurrences."""

from recurra.explain.differences import flow_by_differences
from recurra.explain.flow import Flow, flow, flows, loss_flows
from recurra.explain.network import model_flows, module_of

__all__ = [
    "Flow",
    "flow",
    "flow_by_differences",
    "flows",
    "loss_flows",
    "model_flows",
    "module_of",
]
