"""The codec that a bundle's JSON describes; anything unknown or misshapen is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from recurra.codecs import json_tree
from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.codec import SequenceCodec
from recurra.codecs.corpus import CorpusCodec
from recurra.codecs.forecast import ForecastCodec
from recurra.codecs.frames import FrameCodec
from recurra.codecs.pairs import PairCodec
from recurra.codecs.tags import TagCodec
from recurra.errors import BundleError

__all__ = ["CODECS", "codec_from_json"]

CODECS: Mapping[str, Callable[[Any], AbstractCodec]] = MappingProxyType(
    {
        codec.kind: codec.from_json
        for codec in (SequenceCodec, TagCodec, ForecastCodec, CorpusCodec, FrameCodec, PairCodec)
    }
)


def codec_from_json(tree: Any) -> AbstractCodec:
    """Read what a codec's `to_json` wrote.

    Raises:
        BundleError: a key is missing or unknown, or a value is not what a codec can hold.
    """
    if not isinstance(tree, dict):
        raise BundleError(f"codec must be an object, got {type(tree).__name__}")
    kind = json_tree.choice(tree.get("kind"), "codec: kind", tuple(CODECS))
    return CODECS[kind](tree)
