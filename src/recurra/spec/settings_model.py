"""Settings of the network."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from recurra.spec.cells import Activation, Reset
from recurra.spec.section import Section

__all__ = ["ModelSettings"]


class ModelSettings(Section):
    """The network."""

    cell: Literal["gru", "lstm", "rnn", "mingru"] = Field(
        "gru",
        description="Recurrent cell.",
        json_schema_extra={"search": "gru,lstm,mingru"},
    )
    reset: Reset = Field(
        "after",
        description="Where the GRU's reset gate acts; none: no gate.",
        json_schema_extra={"search": "after,before,none"},
    )
    hidden: int = Field(
        64,
        ge=1,
        le=65536,
        description="Units of a layer, H.",
        json_schema_extra={"search": "16..256:log"},
    )
    layers: int = Field(
        1,
        ge=1,
        le=64,
        description="Recurrent layers above one another.",
        json_schema_extra={"search": "1..3"},
    )
    bidirectional: bool = Field(
        False,
        description="Read both ways; such a model cannot run one step at a time.",
        json_schema_extra={"search": "no,yes"},
    )
    pool: tuple[Literal["last", "mean", "max"], ...] = Field(
        ("last", "mean", "max"),
        min_length=1,
        description="How steps become one row, concatenated.",
        json_schema_extra={"tasks": ["classify", "regress", "transduce"]},
    )
    embedding: int = Field(
        64,
        ge=1,
        le=65536,
        description="Width of a symbol's vector (texts).",
        json_schema_extra={"search": "16..256:log"},
    )
    crf: bool = Field(
        True,
        description="Score neighbouring tags by a linear-chain CRF.",
        json_schema_extra={"search": "no,yes", "tasks": ["tag"]},
    )
    character_hidden: int = Field(
        32,
        ge=0,
        le=65536,
        description="Units a direction of the encoder of a word's characters; 0: none.",
        json_schema_extra={"search": "8..64:log", "tasks": ["tag"]},
    )
    character_embedding: int = Field(
        32,
        ge=1,
        le=65536,
        description="Width of a character's vector in that encoder.",
        json_schema_extra={"search": "8..64:log", "tasks": ["tag"]},
    )
    pair_embedding: int = Field(
        0,
        ge=0,
        le=65536,
        description="Width of the vector of a token and the one before it; 0: none.",
        json_schema_extra={"search": "16..128:log", "tasks": ["tag"]},
    )
    lag: int = Field(
        0,
        ge=0,
        le=4096,
        description="Steps that a stream waits before it gives a step its tag.",
        json_schema_extra={"tasks": ["tag"]},
    )
    convolution: tuple[int, ...] = Field(
        (),
        description="Channels of causal convolutions before the recurrent layers, one a layer.",
        json_schema_extra={
            "tasks": ["classify", "regress", "tag", "generate", "transduce", "forecast"]
        },
    )
    convolution_width: int = Field(
        3,
        ge=1,
        le=65536,
        description="Steps that each of them sees.",
        json_schema_extra={
            "search": "2..9",
            "tasks": ["classify", "regress", "tag", "generate", "transduce", "forecast"],
        },
    )
    dense_before: tuple[int, ...] = Field(
        (),
        description="Widths of dense layers before the recurrent ones (and any convolution).",
        json_schema_extra={
            "tasks": ["classify", "regress", "tag", "generate", "transduce", "forecast"]
        },
    )
    dense_after: tuple[int, ...] = Field(
        (),
        description="Widths of dense layers between the recurrent ones and the head.",
        json_schema_extra={
            "tasks": ["classify", "regress", "tag", "generate", "transduce", "forecast"]
        },
    )
    dense_activation: Activation = Field(
        "relu",
        description="Of convolutions and dense layers.",
        json_schema_extra={
            "tasks": ["classify", "regress", "tag", "generate", "transduce", "forecast"]
        },
    )
    tie: bool = Field(
        False,
        description="The head takes the weights of the symbols' vectors.",
        json_schema_extra={"search": "no,yes", "tasks": ["generate"]},
    )
    activation: Activation | None = Field(
        None,
        description="Of the candidate; default: the cell's own (minGRU identity, others tanh).",
        json_schema_extra={"search": "tanh,relu"},
    )
    gate_activation: Activation = Field("sigmoid", description="Of the gates.")
    bias: bool = Field(True, description="Bias vectors in each cell.")
    learn_initial_state: bool = Field(
        False,
        description="Make the initial state a parameter.",
        json_schema_extra={"search": "no,yes"},
    )
    residual: bool = Field(
        False,
        description="Add a layer's input to its output where they fit.",
        json_schema_extra={"search": "no,yes"},
    )
    dropout: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Between and after the recurrent layers, and of symbols' vectors before them.",
        json_schema_extra={"search": "0..0.6"},
    )
    input_dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Of what is read, before the recurrent layers; default: numbers 0, symbols' "
        "vectors as dropout.",
        json_schema_extra={
            "search": "0..0.6",
            "tasks": ["classify", "regress", "tag", "generate", "forecast"],
        },
    )
    variational: bool = Field(
        False,
        description="One dropout draw a sequence, not one a step.",
        json_schema_extra={"search": "no,yes"},
    )
    weight_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Of the recurrent weights.",
        json_schema_extra={"search": "0..0.6"},
    )
    zoneout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Chance that a unit keeps its old value.",
        json_schema_extra={"search": "0..0.3"},
    )
    input_init: Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "uniform"] = (
        Field(
            "glorot_uniform",
            description="Initial input weights, gate by gate.",
            json_schema_extra={
                "search": "glorot_uniform,glorot_normal,he_uniform,he_normal,uniform"
            },
        )
    )
    recurrent_init: Literal[
        "orthogonal", "identity", "glorot_uniform", "glorot_normal", "uniform"
    ] = Field(
        "orthogonal",
        description="Initial recurrent weights, gate by gate.",
        json_schema_extra={"search": "orthogonal,identity,glorot_uniform,glorot_normal,uniform"},
    )
    bias_init: Literal["zeros", "gate", "chrono"] = Field(
        "zeros",
        description="Initial biases: zeros; gate: forget gate +1, update gate -1 (remember); "
        "chrono: for memory up to chrono_length steps.",
        json_schema_extra={"search": "zeros,gate,chrono"},
    )
    chrono_length: int = Field(
        100,
        ge=3,
        description="Longest memory that chrono prepares for.",
        json_schema_extra={"search": "10..1000:log"},
    )
    init_gain: Literal["none", "activation"] = Field(
        "none",
        description="activation: glorot, he and orthogonal weights of each gate times the gain of "
        "its activation (tanh 5/3, relu sqrt 2, others 1).",
    )
    attention: Literal["none", "additive", "multiplicative", "dot"] = Field(
        "multiplicative",
        description="How the decoder reads the encoder: additive (Bahdanau 2014), multiplicative "
        "or dot (Luong 2015); none: one fixed vector at every step (Cho 2014).",
        json_schema_extra={"search": "none,additive,multiplicative,dot", "tasks": ["transduce"]},
    )
    beam: int = Field(
        5,
        ge=1,
        le=1024,
        description="Hypotheses that are kept while an output is searched; 1: greedy.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    length_penalty: float = Field(
        0.0,
        ge=0,
        description="Hypotheses are ranked by log-probability / length ** length_penalty.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    longest_output: int | None = Field(
        None,
        ge=1,
        description="Most symbols of an output; default: twice the longest target of training.",
        json_schema_extra={"tasks": ["transduce"]},
    )
    segment: int | None = Field(
        None,
        ge=1,
        description="Rows that a step of the network reads; default: a season, where two of them "
        "fit into the look-back.",
        json_schema_extra={"search": "1..48:log", "tasks": ["forecast"]},
    )
    channels: Literal["joint", "separate"] = Field(
        "separate",
        description="Whether the network reads all targets together or each for itself.",
        json_schema_extra={"search": "joint,separate", "tasks": ["forecast"]},
    )
    decoding: Literal["direct", "recursive"] = Field(
        "direct",
        description="All rows of the horizon at once, or a segment after the other, each read as "
        "history by the next.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    distribution: Literal["point", "gaussian", "student", "quantiles"] = Field(
        "point",
        description="What a forecast is: a number, a distribution, or quantiles.",
        json_schema_extra={"tasks": ["forecast"]},
    )
    levels: tuple[float, ...] = Field(
        (0.1, 0.5, 0.9),
        min_length=1,
        description="Of the quantiles that are given; the outermost are the prediction interval.",
        json_schema_extra={"tasks": ["forecast"]},
    )
