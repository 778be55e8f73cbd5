"""Law: the likelihood and its gradients are those of a list of all paths that the rules allow."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch

from recurra.decode.viterbi import marginals, path_score, unfold
from recurra.spec.schemes import Rules, rules
from recurra.tasks.crf import log_likelihood

FREE = Rules(np.ones(3, bool), np.ones((3, 3), bool), np.ones(3, bool))
BIO = rules(["B-X", "I-X", "O"], "bio")
BMES = rules(["B", "E", "S"], "bmes")


def scores(emissions: torch.Tensor, row: torch.Tensor, path: tuple[int, ...]) -> torch.Tensor:
    chain = row.reshape(5, 3)
    score = chain[0, path[0]] + chain[4, path[-1]]
    score = score + sum(emissions[t, tag] for t, tag in enumerate(path))
    return score + sum(chain[1 + a, b] for a, b in pairwise(path))


def allowed(path: tuple[int, ...], rule: Rules) -> bool:
    ends = rule.start[path[0]] and rule.end[path[-1]]
    return bool(ends and all(rule.follow[a, b] for a, b in pairwise(path)))


@pytest.mark.parametrize("rule", [FREE, BIO, BMES])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_values_and_gradients_are_those_of_every_path(rule: Rules, scale: float) -> None:
    generator = torch.Generator().manual_seed(0)
    emissions = (scale * torch.randn(3, 4, 3, generator=generator)).double().requires_grad_()
    row = torch.randn(15, generator=generator).double().requires_grad_()
    lengths = torch.tensor([4, 1, 2])
    tags = torch.tensor([[2, 2, 2, 2], [2, 9, 9, 9], [0, 1, -5, 0]])
    found = log_likelihood(emissions, row, tags, lengths, rule)
    expected = []
    for k, length in enumerate(lengths.tolist()):
        steps = emissions[k, :length]
        paths = [p for p in product(range(3), repeat=length) if allowed(p, rule)]
        total = torch.logsumexp(torch.stack([scores(steps, row, p) for p in paths]), 0)
        truth = tuple(tags[k, :length].tolist())
        assert truth in paths
        expected.append(scores(steps, row, truth) - total)
    wanted = torch.stack(expected)
    torch.testing.assert_close(found, wanted, atol=1e-9, rtol=0)
    ours = torch.autograd.grad(found.sum(), (emissions, row))
    theirs = torch.autograd.grad(wanted.sum(), (emissions, row))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-9, rtol=0)
        assert torch.isfinite(mine).all()


def test_it_agrees_with_the_decoder_s_own_sums() -> None:
    """log p(y) = score(y) - log sum, both by `decode.viterbi`."""
    generator = torch.Generator().manual_seed(1)
    emissions, row = torch.randn(1, 7, 3, generator=generator), torch.randn(15, generator=generator)
    tags = torch.tensor([[0, 1, 1, 2, 2, 0, 2]])
    found = log_likelihood(emissions, row, tags, torch.tensor([7]), FREE)
    potentials, steps = unfold(row.numpy(), 3), emissions[0].double().numpy()
    score = path_score(steps, potentials, tags[0].numpy())
    assert found.item() == pytest.approx(score - marginals(steps, potentials)[1], abs=1e-9)


def test_padding_and_neighbours_change_nothing() -> None:
    emissions = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(2))
    row, tags = torch.zeros(15), torch.zeros(2, 6, dtype=torch.int64)
    lengths = torch.tensor([3, 6])
    together = log_likelihood(emissions, row, tags, lengths, FREE)
    spoilt = emissions.clone()
    spoilt[0, 3:] = 1e6
    assert torch.equal(log_likelihood(spoilt, row, tags, lengths, FREE), together)
    alone = log_likelihood(emissions[:1, :3], row, tags[:1, :3], lengths[:1], FREE)
    torch.testing.assert_close(alone[0], together[0], atol=1e-12, rtol=0)
