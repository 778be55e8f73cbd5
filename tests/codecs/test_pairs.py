"""A pair becomes numbers by what training has shown; the codec's JSON gives the same codec."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.codecs.pairs import EncodedPairs, PairCodec, split_source
from recurra.codecs.pairs_alphabet import BOUNDARY, UNKNOWN
from recurra.codecs.pairs_read import pair_cases
from recurra.errors import BundleError, DataError
from recurra.spec.settings import DataSettings

SOUNDS = pair_cases(["abba", "cab", "b"], ["a b a", "k a b", "b e"])
FORMS = pair_cases(
    [("aalen", "pos=V,per=1"), ("aal", ["pos=N"]), ("see", "pos=N;num=PL")],
    ["aalte", "Aal", "Seen"],
)


def test_a_source_ends_with_the_boundary() -> None:
    """Its symbols, then the boundary; a target has none."""
    codec = PairCodec.fit(SOUNDS, DataSettings())
    assert (codec.source.unit, codec.target.unit, codec.longest) == ("character", "space", 3)
    case = codec.encode("abxa")
    assert case.steps["x"].tolist() == [*codec.source.encode("ab"), UNKNOWN, 3, BOUNDARY]
    assert codec.unknown("abxa") == ("x",)
    assert codec.source_names("abxa") == ["a", "b", "x", "a", ""]
    assert codec.encode_target("k e").tolist() == codec.target.encode("k e")
    assert codec.signals()["x"].size == codec.source.size == 5
    assert codec.forbidden.tolist() == [UNKNOWN]


def test_features_are_symbols_of_their_own() -> None:
    """Ahead of the source, apart from its characters; an unknown one is unknown."""
    codec = PairCodec.fit(FORMS, DataSettings())
    assert codec.marks == ("num=PL", "per=1", "pos=N", "pos=V")
    size = codec.source.size
    assert codec.signals()["x"].size == size + 4
    x = codec.encode("aal\tpos=N, tense=PST").steps["x"]
    assert x.tolist() == [size + 2, UNKNOWN, *codec.source.encode("aal"), BOUNDARY]
    assert codec.unknown("aal\tpos=N,tense=PST") == ("tense=PST",)
    assert split_source("a\tx; y") == ("a", ("x", "y"))
    assert split_source("a\t") == ("a", ())
    assert split_source("a") == ("a", None)


def test_shared_symbols_have_the_same_numbers() -> None:
    """One vocabulary; the features, which no output can hold, are its last numbers."""
    codec = PairCodec.fit(FORMS, DataSettings(share_symbols=True))
    assert codec.source == codec.target
    assert codec.encode_target("aal").tolist() == codec.encode("aal\t").steps["x"][:-1].tolist()
    assert codec.target_size == codec.source.size + 4
    assert codec.forbidden.tolist() == [UNKNOWN, *range(codec.source.size, codec.target_size)]
    with pytest.raises(DataError, match="both sides cut alike, got character and space"):
        PairCodec.fit(SOUNDS, DataSettings(share_symbols=True))


def test_targets_of_a_batch_have_their_own_lengths() -> None:
    """Padded beside the sources, which have theirs."""
    codec = PairCodec.fit(SOUNDS, DataSettings())
    encoded = EncodedPairs(codec.encode_cases(SOUNDS))
    batch = encoded.collate([0, 2], length=7)
    assert batch.steps["x"].shape == (2, 7)
    assert batch.lengths.tolist() == [5, 2]
    assert batch.rows["y_length"].tolist() == [3, 2]
    np.testing.assert_array_equal(batch.rows["y"][1, 2:], [0])
    assert batch.index.tolist() == [0, 2]
    bare = EncodedPairs([codec.encode("ab")]).collate([0])
    assert dict(bare.rows) == {}


@pytest.mark.parametrize("share", [False, True])
def test_json_gives_the_same_codec(share: bool) -> None:
    """And nothing else is read."""
    codec = PairCodec.fit(FORMS, DataSettings(share_symbols=share))
    tree: Any = codec.to_json()
    assert PairCodec.from_json(tree) == codec
    for wrong in (
        tree | {"longest": 0},
        tree | {"longest": True},
        tree | {"marks": ["a", "a"]},
        tree | {"kind": "sequence"},
        tree | {"source": None},
        {k: v for k, v in tree.items() if k != "marks"},
    ):
        with pytest.raises(BundleError):
            PairCodec.from_json(wrong)


def test_what_cannot_be_encoded_is_refused() -> None:
    """Each with what was expected; a case of many by its name."""
    plain, marked = (PairCodec.fit(cases, DataSettings()) for cases in (SOUNDS, FORMS))
    with pytest.raises(DataError, match="expected no features, as in training"):
        plain.encode("ab\tpos=N")
    with pytest.raises(DataError, match="expected features behind a tab"):
        marked.encode("ab")
    with pytest.raises(DataError, match="expected a text, got int"):
        plain.encode(3)
    with pytest.raises(DataError, match="at least one symbol"):
        plain.encode("")
    with pytest.raises(DataError, match="X, case '1': expected no features"):
        plain.encode_cases(pair_cases(["a", ("b", "x")]))
    with pytest.raises(DataError, match="got none for case '1'"):
        PairCodec.fit(pair_cases([("a", "x"), "b"], ["c", "d"]), DataSettings())
