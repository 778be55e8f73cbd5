"""Torch modules, one for each node of a graph, that train in any PyTorch loop."""

from recurra.layers.bidirectional import Bidirectional
from recurra.layers.build import BuildOptions, GraphModule, Networks, build, from_node
from recurra.layers.dropout import Dropout
from recurra.layers.embedding import Embedding
from recurra.layers.gru import GRU
from recurra.layers.grud import GRUD
from recurra.layers.initialise import Initialisers
from recurra.layers.linear import Linear
from recurra.layers.lstm import LSTM
from recurra.layers.mingru import MinGRU
from recurra.layers.pool import Pool
from recurra.layers.rnn import RNN
from recurra.layers.stack import Stack

__all__ = [
    "GRU",
    "GRUD",
    "LSTM",
    "RNN",
    "Bidirectional",
    "BuildOptions",
    "Dropout",
    "Embedding",
    "GraphModule",
    "Initialisers",
    "Linear",
    "MinGRU",
    "Networks",
    "Pool",
    "Stack",
    "build",
    "from_node",
]
