"""The decoder that a bundle's JSON describes; anything unknown or misshapen is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any

from recurra.decode.classify import ClassDecoder
from recurra.decode.decoder import AbstractDecoder
from recurra.decode.forecast import ForecastDecoder
from recurra.decode.next_step import NextDecoder
from recurra.decode.regress import ValueDecoder
from recurra.decode.tag import TagDecoder
from recurra.decode.transduce import BeamDecoder
from recurra.errors import BundleError, SpecError

__all__ = ["DECODER_KINDS", "decoder_from_json"]

DECODER_KINDS: Mapping[str, type[AbstractDecoder]] = MappingProxyType(
    {
        decoder.kind: decoder
        for decoder in (
            ClassDecoder,
            ValueDecoder,
            TagDecoder,
            BeamDecoder,
            NextDecoder,
            ForecastDecoder,
        )
    }
)


def decoder_from_json(tree: Any) -> AbstractDecoder:
    """Read what `to_json` wrote.

    Raises:
        BundleError: the kind is unknown, or a field is missing, unknown or of the wrong type.
    """
    kind = tree.get("kind") if isinstance(tree, dict) else None
    if not isinstance(kind, str) or kind not in DECODER_KINDS:
        raise BundleError(f"decoder must be one of {', '.join(DECODER_KINDS)}; got {kind!r}")
    # A bundle that was written before a field came leaves it out.
    names = {field.name for field in fields(DECODER_KINDS[kind])}
    needed = {f.name for f in fields(DECODER_KINDS[kind]) if f.default is MISSING} | {"output"}
    said = set(tree) - {"kind"}
    if not needed <= said <= names:
        wrong = sorted(map(str, (needed - said) | (said - names)))
        raise BundleError(f"decoder {kind!r}: fields missing or unknown: {wrong}")
    if not isinstance(tree["output"], str):
        raise BundleError(f"decoder {kind!r}: output must be a text, got {tree['output']!r}")
    try:
        return DECODER_KINDS[kind](**{name: tree[name] for name in said})
    except SpecError as error:
        raise BundleError(str(error)) from None
