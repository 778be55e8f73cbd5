"""Probabilities are the softmax in float64, each row by itself, and ties go to the lowest index."""

import numpy as np
import pytest

from recurra.decode import ClassDecoder
from recurra.errors import SpecError


def test_it_is_the_softmax() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 7)).astype(np.float32)
    wide = logits.astype(np.longdouble)
    expected = np.exp(wide) / np.exp(wide).sum(axis=1, keepdims=True)
    answers = ClassDecoder(classes=7).decode({"head": logits})
    assert answers.dtype == np.float64
    np.testing.assert_allclose(answers, expected.astype(float), rtol=1e-14)


def test_huge_logits_do_not_overflow() -> None:
    answers = ClassDecoder(classes=3).decode({"head": np.array([[3e38, -3e38, 3e38]], np.float32)})
    assert answers.tolist() == [[0.5, 0.0, 0.5]]


@pytest.mark.parametrize("classes", [2, 3, 9, 130])
def test_a_row_does_not_depend_on_its_neighbours(classes: int) -> None:
    logits = np.random.default_rng(1).normal(0, 5, (33, classes))
    decoder = ClassDecoder(classes=classes)
    whole = decoder.decode({"head": logits})
    for b in range(33):
        assert np.array_equal(decoder.decode({"head": logits[b : b + 1]})[0], whole[b])
    assert np.array_equal(decoder.decode({"head": np.asfortranarray(logits)}), whole)


def test_ties_go_to_the_lowest_index() -> None:
    decoder = ClassDecoder(classes=3)
    chosen = decoder.choose(np.array([[0.2, 0.4, 0.4], [1 / 3] * 3, [0.1, 0.1, 0.8]]))
    assert chosen.tolist() == [1, 0, 2]
    assert chosen.dtype == np.int64
    assert decoder.choose(np.array([0.1, 0.9, 0.0])) == 1


@pytest.mark.parametrize("classes", [1, 0, True, 2.0, "3"])
def test_fewer_than_two_classes_are_refused(classes: object) -> None:
    with pytest.raises(SpecError, match="classes"):
        ClassDecoder(classes=classes)  # type: ignore[arg-type]  # the point


def test_a_temperature_softens_and_keeps_the_order() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (20, 4))
    soft = ClassDecoder(classes=4, temperature=2.0).decode({"head": logits})
    np.testing.assert_allclose(soft, ClassDecoder(classes=4).decode({"head": logits / 2.0}))


def test_a_threshold_decides_between_two() -> None:
    decoder = ClassDecoder(classes=2, threshold=0.25)
    answers = np.array([[0.8, 0.2], [0.75, 0.25], [0.7, 0.3]])
    assert decoder.choose(answers).tolist() == [0, 0, 1]
    assert decoder.choose(answers[2]) == 1


def test_a_set_holds_what_cannot_be_ruled_out_and_the_called_class() -> None:
    decoder = ClassDecoder(classes=3, doubt=0.7)
    answers = np.array([[0.6, 0.3, 0.1], [0.98, 0.01, 0.01]])
    assert decoder.sets(answers).tolist() == [[True, True, False], [True, False, False]]
    sure = ClassDecoder(classes=3, doubt=0.1)
    assert sure.sets(answers).tolist() == [[True, False, False]] * 2
    with pytest.raises(SpecError, match="coverage"):
        ClassDecoder(classes=3).sets(answers)
