"""The log-likelihood of tags under a linear-chain CRF, by the forward algorithm, over a batch.

    log p(y | x) = score(y) - log sum_y' exp(score(y'))
    score(y) = start[y_0] + sum_t x_t[y_t] + sum_t follow[y_{t-1}, y_t] + end[y_{T-1}]

Source: Lafferty, McCallum & Pereira 2001; the forward algorithm as in Rabiner 1989.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.spec.schemes import Rules

__all__ = ["log_likelihood"]

# Below this share of a step's sum nothing is told apart; the logarithm of 0 would have no gradient.
_LEAST = 1e-300


def log_likelihood(
    emissions: Tensor, potentials: Tensor, tags: Tensor, lengths: Tensor, rules: Rules
) -> Tensor:
    """The log-likelihood of each row's tags.

    Computed in float64: a step is one product with exp(follow), each row scaled by its highest
    score, and what float64 cannot hold beside it (a share of 1e-300) counts as nothing.

    Args:
        emissions: x [B, T, K].
        potentials: start, follow (from, to) and end in one row, [K * (K + 2)].
        tags: y [B, T], int64; read within `lengths` only, where the rules must allow them.
        lengths: Steps of each row that count, [B], int64, at least 1.
        rules: Which tags may stand where; paths that break them have no probability.

    Returns:
        [B], float64.
    """
    time, count = emissions.shape[1:]
    emissions = emissions.double()
    chain = potentials.double().reshape(count + 2, count)
    start, follow, end = chain[0], chain[1:-1], chain[-1]
    device = emissions.device
    may_start, may_follow, may_end = (torch.from_numpy(rule).to(device) for rule in rules)
    ways = torch.where(may_follow, follow, -torch.inf).exp()

    # What may not begin has next to no share from the first step on.
    alpha = start + emissions[:, 0] + torch.where(may_start, 0.0, -1e4)
    for t in range(1, time):
        highest = alpha.detach().amax(1, keepdim=True)
        sums = ((alpha - highest).exp() @ ways).clamp(min=_LEAST)
        after = sums.log() + highest + emissions[:, t]
        alpha = torch.where((t < lengths)[:, None], after, alpha)
    total = torch.logsumexp(alpha + end + torch.where(may_end, 0.0, -1e4), 1)

    within = torch.arange(time, device=device) < lengths[:, None]
    tags = torch.where(within, tags, 0)
    chosen = emissions.gather(2, tags[:, :, None])[:, :, 0]
    score = torch.where(within, chosen, 0.0).sum(1)
    score = score + torch.where(within[:, 1:], follow[tags[:, :-1], tags[:, 1:]], 0.0).sum(1)
    last = tags.gather(1, lengths[:, None] - 1)[:, 0]
    return score + start[tags[:, 0]] + end[last] - total
