"""Files and arrays -> cases -> encoded arrays, one step at a time too; targets back again.

Importing this needs numpy alone: polars is imported where a table is read.
"""

from __future__ import annotations

from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.arrays import cases_from_arrays
from recurra.codecs.cases import Cases, Columns, Label, Timed, label_text
from recurra.codecs.codec import (
    InputCodec,
    SequenceCodec,
    fit_codec,
    task_of,
)
from recurra.codecs.corpus import CorpusCodec
from recurra.codecs.corpus_files import corpus_cases, read_corpus
from recurra.codecs.corpus_streams import CorpusStreams
from recurra.codecs.frames import FrameCodec
from recurra.codecs.from_json import CODECS, codec_from_json
from recurra.codecs.inspection import Inspection, inspect, inspect_cases, missing_report
from recurra.codecs.read import SUFFIXES, read_cases
from recurra.codecs.series import SeriesCodec
from recurra.codecs.tail import after, tail_arrays, tail_from_arrays, tail_of
from recurra.codecs.target import LabelCodec, TargetCodec, ValueCodec
from recurra.codecs.text import TextCodec

__all__ = [
    "CODECS",
    "SUFFIXES",
    "AbstractCodec",
    "Cases",
    "Columns",
    "CorpusCodec",
    "CorpusStreams",
    "FrameCodec",
    "InputCodec",
    "Inspection",
    "Label",
    "LabelCodec",
    "SequenceCodec",
    "SeriesCodec",
    "TargetCodec",
    "TextCodec",
    "Timed",
    "ValueCodec",
    "after",
    "cases_from_arrays",
    "codec_from_json",
    "corpus_cases",
    "fit_codec",
    "inspect",
    "inspect_cases",
    "label_text",
    "missing_report",
    "read_cases",
    "read_corpus",
    "tail_arrays",
    "tail_from_arrays",
    "tail_of",
    "task_of",
]
