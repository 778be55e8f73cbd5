"""How a tag a step spells spans: `B-ORG I-ORG O` is one span of type ORG over two steps.

    scheme   one step   first  between  last
    bio      B          B      I        I        (Ramshaw & Marcus 1995; tags in IOB1 are read too)
    bioes    S          B      I        E        (tags with L for E and U for S are read too)
    bmes     S          B      M        E
    none     tags are plain classes, and there are no spans

A step outside all spans is `O`. A tag is a letter, "-" or "_", and a type; a letter alone is of the
one type "".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.errors import SpecError

__all__ = [
    "SCHEMES",
    "Rules",
    "Scheme",
    "Span",
    "converted",
    "faults",
    "rules",
    "scheme_of",
    "spans_of",
    "spelled",
    "tags_of_types",
    "type_of",
    "without_type",
]

Scheme = Literal["none", "bio", "bioes", "bmes"]
SCHEMES: tuple[Scheme, ...] = ("none", "bio", "bioes", "bmes")
OUTSIDE = "O"
# A letter and "-": a type follows.
_PREFIX = 2

_ROLES = MappingProxyType(
    {
        "B": "begin",
        "I": "inside",
        "M": "inside",
        "E": "end",
        "L": "end",
        "S": "single",
        "U": "single",
    }
)
# The letters of one step, the first, those between, and the last.
_LETTERS = MappingProxyType({"bio": tuple("BBII"), "bioes": tuple("SBIE"), "bmes": tuple("SBME")})


class Span(NamedTuple):
    """Steps begin, begin + 1, ..., end - 1 are one thing of this type."""

    type: str
    begin: int
    end: int


class Rules(NamedTuple):
    """Which tags may stand where; K tags.

    Args:
        start: May be the first, [K] bool.
        follow: [i, j]: j may come right after i, [K, K] bool.
        end: May be the last, [K] bool.
    """

    start: npt.NDArray[np.bool_]
    follow: npt.NDArray[np.bool_]
    end: npt.NDArray[np.bool_]


def scheme_of(tags: Iterable[str]) -> Scheme:
    """The scheme that tags are written in, as their letters tell; "none" where they tell none."""
    different = set(tags)
    letters = {tag[0] for tag in different if tag != OUTSIDE and _is_spelled(tag)}
    if not letters & set("BSU") or not all(t == OUTSIDE or _is_spelled(t) for t in different):
        return "none"
    if letters <= set("BI"):
        return "bio"
    if letters <= set("BIES") or letters <= set("BILU"):
        return "bioes"
    return "bmes" if letters <= set("BMES") else "none"


def without_type(tags: Iterable[str]) -> dict[str, str]:
    """Tags such as `B-`, whose type is missing, and beside each a tag as it should be.

    Where the others are no tags of spans, `B-` may be a class like any other, as a blood group is.
    """
    different = dict.fromkeys(tags)
    broken = [tag for tag in different if _is_spelled(tag) and len(tag) == _PREFIX]
    whole = [tag for tag in different if _is_spelled(tag) and len(tag) > _PREFIX]
    if not whole and len(broken) < len([tag for tag in different if tag != OUTSIDE]):
        return {}
    name = whole[0][_PREFIX:] if whole else "PER"
    return {tag: f"{tag}{name}" for tag in broken}


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The spans that a sequence of tags spells, read as conlleval reads them.

    Whatever is out of order is read, not refused: an inner or last tag that continues no span of
    its type begins one, and a span that nothing ends goes up to the next tag that is not its own.

    Source: conlleval (Tjong Kim Sang 2004), functions startOfChunk and endOfChunk.
    """
    found: list[Span] = []
    kind, begin = None, 0
    for step, tag in enumerate(tags):
        role, name = _parts(tag)
        if kind is not None and (role in ("outside", "begin", "single") or name != kind):
            found.append(Span(kind, begin, step))
            kind = None
        if role == "outside":
            continue
        if kind is None:
            kind, begin = name, step
        if role in ("single", "end"):
            found.append(Span(kind, begin, step + 1))
            kind = None
    if kind is not None:
        found.append(Span(kind, begin, len(tags)))
    return found


def spelled(spans: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """The tags of `length` steps that spell these spans, which do not overlap."""
    tags = [OUTSIDE] * length
    single, first, between, last = _LETTERS[scheme]
    for kind, begin, end in spans:
        letters = [single] if end - begin == 1 else [first, *[between] * (end - begin - 2), last]
        tags[begin:end] = [f"{letter}-{kind}" if kind else letter for letter in letters]
    return tags


def converted(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """The same spans in another scheme; what was out of order is in order then."""
    return list(tags) if scheme == "none" else spelled(spans_of(tags), len(tags), scheme)


def faults(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Steps whose tag may not stand there: it continues nothing, or leaves what came unfinished.

    A last tag that leaves its span unfinished gives the step behind the last. In bio an inner tag
    may begin a span, as in IOB1, so nothing is out of order there.
    """
    if scheme in ("none", "bio"):
        return []
    found, kind = [], None
    for step, tag in enumerate((*tags, OUTSIDE)):
        role, name = _parts(tag)
        goes_on = role in ("inside", "end")
        if goes_on != (kind is not None) or (goes_on and name != kind):
            found.append(step)
        kind = name if role in ("begin", "inside") else None
    return found


def rules(tags: Sequence[str], scheme: Scheme) -> Rules:
    """Which tag may stand first, after which, and last, so that only whole spans are spelled.

    Raises:
        SpecError: a tag is not written in the scheme.
    """
    count = len(tags)
    if scheme == "none":
        return Rules(np.ones(count, bool), np.ones((count, count), bool), np.ones(count, bool))
    letters = set(_LETTERS[scheme])
    for tag in tags:
        if tag != OUTSIDE and not (_is_spelled(tag) and tag[0] in letters):
            raise SpecError(
                f"tag {tag!r} is not written in {scheme} ({', '.join(sorted(letters))})"
            )
    roles, types = zip(*map(_parts, tags), strict=True)
    goes_on = np.array([role in ("inside", "end") for role in roles])
    # Of these the span may go on; in bio it need not.
    is_open = np.array([role in ("begin", "inside") for role in roles])
    same = np.array([[a == b for b in types] for a in types])
    continues = is_open[:, None] & goes_on[None, :] & same
    if scheme == "bio":
        return Rules(~goes_on, continues | ~goes_on[None, :], np.ones(count, bool))
    return Rules(~goes_on, continues | (~is_open[:, None] & ~goes_on[None, :]), ~is_open)


def tags_of_types(types: Iterable[str], scheme: Scheme, *, outside: bool) -> list[str]:
    """Every tag that a scheme has for these types, rising."""
    letters = sorted(set(_LETTERS[scheme]))
    tags = [f"{letter}-{kind}" if kind else letter for kind in set(types) for letter in letters]
    return sorted([*tags, *([OUTSIDE] if outside else [])])


def type_of(tag: str) -> str | None:
    """The type of a tag in any scheme; None outside all spans."""
    role, name = _parts(tag)
    return None if role == "outside" else name


def _is_spelled(tag: str) -> bool:
    return tag[:1] in _ROLES and tag != "" and (len(tag) == 1 or tag[1] in "-_")


def _parts(tag: str) -> tuple[str, str]:
    return ("outside", "") if tag == OUTSIDE else (_ROLES.get(tag[:1], "inside"), tag[2:])
