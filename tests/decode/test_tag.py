"""Law: no impossible span is answered, and a stream's sure tags are those of the whole sequence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.decode import TagDecoder, decoder_from_json
from recurra.errors import BundleError, ShapeError, SpecError
from recurra.spec.schemes import Scheme, converted, tags_of_types

Array = npt.NDArray[Any]
SCHEMES: tuple[Scheme, ...] = ("none", "bio", "bioes", "bmes")


@st.composite
def cases(draw: st.DrawFn) -> tuple[TagDecoder, dict[str, Array]]:
    scheme = draw(st.sampled_from(SCHEMES))
    tags = ["N", "P", "V"]
    if scheme != "none":
        tags = tags_of_types(["X", "Y"], scheme, outside=draw(st.booleans()))
    crf = draw(st.booleans())
    decoder = TagDecoder(
        tags=tuple(tags),
        scheme=scheme,
        potentials="crf" if crf else "",
        lag=draw(st.integers(0, 3)),
    )
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, time = len(tags), draw(st.integers(1, 7))
    outputs = {"head": 2 * generator.normal(size=(1, time, count)).astype(np.float32)}
    if crf:
        outputs["crf"] = generator.normal(size=(1, count * (count + 2))).astype(np.float32)
    return decoder, outputs


@settings(max_examples=60, deadline=None)
@given(cases())
def test_only_whole_spans_are_answered(case: tuple[TagDecoder, dict[str, Array]]) -> None:
    decoder, outputs = case
    tags = [decoder.tags[k] for k in decoder.decode(outputs)[0]]
    assert converted(tags, decoder.scheme) == tags
    shares = decoder.probabilities(outputs, len(tags))
    np.testing.assert_allclose(shares.sum(1), 1.0)
    evidence = decoder.evidence(outputs, len(tags))
    np.testing.assert_array_equal(evidence[:-1], shares.ravel())
    assert np.log(shares.max(1)).min() >= evidence[-1] * len(tags) - 1e-9


@settings(max_examples=100, deadline=None)
@given(cases())
def test_a_stream_gives_the_tags_of_the_whole_where_it_is_sure(
    case: tuple[TagDecoder, dict[str, Array]],
) -> None:
    """Step for step, each tag is the one that the best path up to then has `lag` steps back."""
    decoder, outputs = case
    time = outputs["head"].shape[1]
    whole = decoder.decode(outputs)[0]
    slots = decoder.start()
    given_at: list[int] = []
    for t in range(time):
        answer, slots = decoder.step({**outputs, "head": outputs["head"][:, t]}, slots)
        step, tag, sure = answer[0].tolist()
        assert step == (t - decoder.lag if t >= decoder.lag else -1)
        if step < 0:
            continue
        given_at.append(tag)
        # The best path so far, without what an end would add.
        open_end = dict(outputs)
        if decoder.potentials:
            open_end["crf"] = outputs["crf"].copy()
            open_end["crf"][:, -len(decoder.tags) :] = 0
        if decoder.scheme in ("none", "bio"):
            prefix = decoder.decode({**open_end, "head": outputs["head"][:, : t + 1]})[0]
            assert tag == prefix[step]
        if sure:
            assert tag == whole[step]
    rest = decoder.finish(outputs, slots)
    assert len(given_at) + len(rest) == time
    np.testing.assert_array_equal(rest, whole[time - len(rest) :])


@settings(max_examples=40, deadline=None)
@given(cases())
def test_a_stream_knows_the_probabilities_of_the_steps_that_wait(
    case: tuple[TagDecoder, dict[str, Array]],
) -> None:
    """At the end those of the whole; before it those of the prefix, whose end nothing tells."""
    plain, outputs = case
    decoder = replace(plain, doubt=0.2)
    time, slots = outputs["head"].shape[1], decoder.start()
    for t in range(time):
        answer, slots = decoder.step({**outputs, "head": outputs["head"][:, t]}, slots)
        shares = decoder.waiting_probabilities(outputs, slots)
        assert shares.shape == (min(t, decoder.lag) + 1, len(decoder.tags))
        np.testing.assert_allclose(shares.sum(1), 1.0)
        if decoder.scheme == "none" and not decoder.potentials:
            steps = {"head": outputs["head"][:, : t + 1]}
            whole = decoder.probabilities(steps, t + 1)
            np.testing.assert_allclose(shares, whole[t + 1 - len(shares) :], atol=1e-12)
        step, tag, sure = answer[0].tolist()
        if step >= 0 and sure:
            # What can no longer be otherwise keeps its place in the set.
            assert decoder.sets(shares[:1], np.array([tag]))[0, tag]
    whole = decoder.probabilities(outputs, time)
    ended = decoder.waiting_probabilities(outputs, slots, ended=True)
    np.testing.assert_allclose(ended, whole[time - len(ended) :], atol=1e-12)
    tags = decoder.decode(outputs)[0]
    sets = decoder.sets(whole, tags)
    np.testing.assert_array_equal(sets, (1 - whole <= 0.2) | (np.eye(len(plain.tags)) > 0)[tags])
    assert decoder.sets(whole, tags, 1.0).all()
    with pytest.raises(SpecError, match="train it with coverage"):
        plain.sets(whole, tags)


def test_without_neighbours_each_step_is_its_own() -> None:
    decoder = TagDecoder(tags=("a", "b"))
    answer, slots = decoder.step({"head": np.array([[1.0, 1.0]])}, decoder.start())
    # The lowest of two equals, and nothing to wait for.
    assert answer.tolist() == [[0, 0, 1]]
    assert decoder.finish({}, slots).tolist() == []


def test_lengths_cut_rows_and_no_row_gives_none() -> None:
    decoder = TagDecoder(tags=("B-X", "I-X"), scheme="bio")
    scores = np.array([[[0.0, 9.0], [0.0, 9.0]]] * 2)
    assert decoder.paths({"head": scores}, np.array([2, 1])).tolist() == [[0, 1], [0, 0]]
    assert decoder.paths({"head": scores[:0]}, np.zeros(0, np.int64)).shape == (0, 2)
    with pytest.raises(ShapeError, match=r"expected head \[B, T, 2\], got \[1, 2, 3\]"):
        decoder.decode({"head": np.zeros((1, 2, 3))})


def test_json_gives_the_same_decoder_back() -> None:
    decoder = TagDecoder(tags=("B-X", "I-X", "O"), scheme="bio", potentials="crf", lag=3)
    tree = decoder.to_json()
    assert decoder_from_json({**tree, "tags": list(tree["tags"])}) == decoder


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tags": ["O"]}, "at least two texts"),
        ({"tags": "BIO"}, "at least two texts"),
        ({"tags": ["O", "O"]}, "differ"),
        ({"tags": ["O", ["B"]]}, "at least two texts"),
        ({"scheme": "iob"}, "scheme must be one of"),
        ({"scheme": ["bio"]}, "scheme must be one of"),
        ({"tags": ["NOUN", "VERB"]}, "not written in bio"),
        ({"tags": ["B-X", "E-X"], "scheme": "bmes"}, "may stand alone"),
        ({"potentials": 3}, "potentials must be a text"),
        ({"lag": -1}, "lag must be"),
        ({"lag": True}, "lag must be"),
        ({"doubt": 1.5}, "doubt must be"),
        ({"doubt": True}, "doubt must be"),
        ({"coverage": 0.9}, "coverage must be"),
        ({"doubt": 0.1, "coverage": 1.0}, "coverage must be"),
    ],
)
def test_a_forged_decoder_is_refused(change: dict[str, Any], words: str) -> None:
    tree = TagDecoder(tags=("B-X", "O"), scheme="bio").to_json()
    with pytest.raises(BundleError, match=words):
        decoder_from_json({**tree, **change})
    assert issubclass(SpecError, ValueError)
