"""Model outputs -> answers, in numpy: training, evaluation and runtime use the same code."""

from __future__ import annotations

from recurra.decode.beam import beam_search
from recurra.decode.calibrate import (
    best_temperature,
    best_threshold,
    conformal_quantile,
    tempered,
)
from recurra.decode.classify import ClassDecoder
from recurra.decode.decoder import AbstractDecoder, Slots
from recurra.decode.greedy import Hypothesis
from recurra.decode.next_step import NextDecoder
from recurra.decode.online import Adapt, Calibrator, Measured
from recurra.decode.read import DECODER_KINDS, decoder_from_json
from recurra.decode.regress import ValueDecoder
from recurra.decode.sample import Sampler, Sampling, StopStrings, generated
from recurra.decode.tag import TagDecoder
from recurra.decode.transduce import BeamDecoder

__all__ = [
    "DECODER_KINDS",
    "AbstractDecoder",
    "Adapt",
    "BeamDecoder",
    "Calibrator",
    "ClassDecoder",
    "Hypothesis",
    "Measured",
    "NextDecoder",
    "Sampler",
    "Sampling",
    "Slots",
    "StopStrings",
    "TagDecoder",
    "ValueDecoder",
    "beam_search",
    "best_temperature",
    "best_threshold",
    "conformal_quantile",
    "decoder_from_json",
    "generated",
    "tempered",
]
