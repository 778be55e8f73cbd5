"""A bundle's codec is found by its kind; an unknown kind is refused."""

import pytest

from recurra.codecs import LabelCodec, SequenceCodec, SeriesCodec, codec_from_json
from recurra.errors import BundleError


def test_a_codec_comes_back() -> None:
    source = SeriesCodec(("a",), (0.5,), (2.0,))
    codec = SequenceCodec(source, LabelCodec(("no", "yes")))
    assert codec_from_json(codec.to_json()) == codec


@pytest.mark.parametrize("tree", [None, [], {}, {"kind": 3}, {"kind": "dream"}])
def test_what_is_no_codec_is_refused(tree: object) -> None:
    with pytest.raises(BundleError, match="codec"):
        codec_from_json(tree)
