"""The loss is cross-entropy as sum and weight, so that parts of a batch add up to the whole."""

import numpy as np
import pytest
import torch

from recurra.decode import ClassDecoder
from recurra.errors import SettingsError
from recurra.spec.batch import Batch, Encoded, EncodedList, collate
from recurra.spec.settings import Settings, TrainingSettings
from recurra.tasks import Classify

CLASSES = [0, 1, 1, 2, 1, 1, 0, 1]


def cases() -> list[Encoded]:
    x = np.zeros((1, 1), np.float32)
    return [Encoded({"x": x}, {"y": np.array(y, np.int64)}) for y in CLASSES]


def batch_of(rows: list[int]) -> Batch:
    return collate(cases(), rows)


def scores() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(len(CLASSES), 3, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("class_weight", ["none", "balanced"])
def test_the_mean_is_pytorchs_weighted_mean(class_weight: str) -> None:
    task = Classify().weighed(cases(), TrainingSettings(class_weight=class_weight))
    # Over all cases balanced weights add up to their number; over these they do not.
    rows = [0, 3, 4]
    total, weight = task.loss({"head": scores()[rows]}, batch_of(rows))
    weights = None
    if task.class_weights is not None:
        weights = torch.tensor(task.class_weights, dtype=torch.float64)
    classes = torch.tensor(CLASSES)[rows]
    wanted = torch.nn.functional.cross_entropy(scores()[rows], classes, weights)
    torch.testing.assert_close(total / weight, wanted)


@pytest.mark.parametrize("class_weight", ["none", "balanced"])
def test_parts_add_up_to_the_whole(class_weight: str) -> None:
    task = Classify().weighed(cases(), TrainingSettings(class_weight=class_weight))
    parts = [
        task.loss({"head": scores()[rows]}, batch_of(rows)) for rows in ([0, 1, 2], [3, 4, 5, 6, 7])
    ]
    whole = task.loss({"head": scores()}, batch_of(list(range(8))))
    for part, value in zip(map(sum, zip(*parts, strict=True)), whole, strict=True):
        torch.testing.assert_close(part, value)


def test_balanced_classes_weigh_the_same_in_all() -> None:
    task = Classify().weighed(cases(), TrainingSettings(class_weight="balanced"))
    assert task.class_weights is not None
    totals = [task.class_weights[c] * CLASSES.count(c) for c in range(3)]
    assert totals == pytest.approx([len(CLASSES) / 3] * 3)


def test_only_the_sum_has_a_gradient() -> None:
    leaf = scores().requires_grad_()
    task = Classify().weighed(cases(), TrainingSettings(class_weight="balanced"))
    total, weight = task.loss({"head": leaf}, batch_of(list(range(8))))
    assert total.requires_grad
    assert not weight.requires_grad


def test_the_decoder_has_the_codecs_classes() -> None:
    class Target:
        size = 3

    class Codec:
        target = Target()

    assert Classify().decoder(Codec()) == ClassDecoder(classes=3)
    assert Classify.metric == ("accuracy", "max")


def test_smoothing_is_pytorchs() -> None:
    task = Classify.of(Settings.from_flat({"label_smoothing": 0.2}))
    total, weight = task.loss({"head": scores()}, batch_of(list(range(8))))
    wanted = torch.nn.functional.cross_entropy(scores(), torch.tensor(CLASSES), label_smoothing=0.2)
    torch.testing.assert_close(total / weight, wanted)


@pytest.mark.parametrize("focal", [0.5, 2.0])
def test_the_focal_loss_is_its_equation(focal: float) -> None:
    task = Classify.of(Settings.from_flat({"focal": focal})).weighed(
        EncodedList(cases()), TrainingSettings(class_weight="balanced")
    )
    given = scores().requires_grad_()
    total, _ = task.loss({"head": given}, batch_of(list(range(8))))
    assert task.class_weights is not None
    wanted = 0.0
    for row, label in zip(scores(), CLASSES, strict=True):
        p = torch.softmax(row, 0)[label]
        wanted -= task.class_weights[label] * float((1 - p) ** focal * p.log())
    assert total.item() == pytest.approx(wanted)
    total.backward()
    assert torch.isfinite(given.grad).all()


def test_a_sure_case_has_a_finite_focal_gradient() -> None:
    given = torch.zeros(8, 3, dtype=torch.float64)
    given[range(8), CLASSES] = 1e4
    given.requires_grad_()
    total, _ = Classify(focal=0.5).loss({"head": given}, batch_of(list(range(8))))
    total.backward()
    assert total.item() == pytest.approx(0.0)
    assert torch.isfinite(given.grad).all()


def test_focal_and_smoothing_contradict_each_other() -> None:
    with pytest.raises(SettingsError, match="contradict"):
        Classify.of(Settings.from_flat({"focal": 1.0, "label_smoothing": 0.1}))


@pytest.mark.parametrize("changes", [{}, {"class_weight": "balanced"}, {"label_smoothing": 0.1}])
def test_binary_cross_entropy_is_that_of_the_difference_of_two_scores(
    changes: dict[str, float | str],
) -> None:
    """PyTorch's binary loss of one logit; for two classes the number that cross-entropy gives."""
    two = [case for case in cases() if int(case.rows["y"]) < 2]
    batch, given = collate(two, range(len(two))), scores()[: len(two), :2]
    chosen = [
        Settings.from_flat({"loss": loss, **changes})
        for loss in ("binary_cross_entropy", "cross_entropy")
    ]
    found = [Classify.of(s).weighed(EncodedList(two), s.training) for s in chosen]
    (total, weight), (other, _) = (task.loss({"head": given}, batch) for task in found)
    torch.testing.assert_close(total, other)
    if not changes:
        y = torch.tensor([float(case.rows["y"]) for case in two], dtype=torch.float64)
        wanted = torch.nn.functional.binary_cross_entropy_with_logits(
            given[:, 1] - given[:, 0], y, reduction="sum"
        )
        torch.testing.assert_close(total, wanted)
        assert float(weight) == len(two)
    with pytest.raises(SettingsError, match="binary_cross_entropy is for two classes, there are 3"):
        found[0].weighed(EncodedList(cases()), chosen[0].training)
