"""A plain PyTorch loop with a recurra layer: learn to add the two marked numbers of a sequence.

Each sequence holds random numbers and two marks; the target is the sum of the marked numbers, the
first of which may lie dozens of steps back (the adding problem, Hochreiter & Schmidhuber 1997).
Answering the mean every time has a squared error of 1/6 = 0.167.

    python examples/train_a_layer.py
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.layers import GRU

LENGTH = 30


def draw(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Sequences [count, T, 2] of unequal length (numbers, marks), their lengths and their sums."""
    lengths = torch.randint(LENGTH // 2, LENGTH + 1, (count,))
    numbers, marks = torch.rand(count, LENGTH), torch.zeros(count, LENGTH)
    early = torch.randint(0, LENGTH // 4, (count, 1))
    late = LENGTH // 4 + torch.randint(0, LENGTH // 4, (count, 1))
    marks.scatter_(1, torch.cat((early, late), 1), 1.0)
    return torch.stack((numbers, marks), 2), lengths, (numbers * marks).sum(1, keepdim=True)


class Adder(nn.Module):
    """A GRU, and a linear map of the state after each row's last step."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = GRU(2, 32, bias_init="gate")
        self.head = nn.Linear(32, 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Sums [B, 1] of x [B, T, 2]."""
        _, state = self.gru(x, lengths=lengths)
        answer: Tensor = self.head(state.h)
        return answer


def train(steps: int = 300) -> list[float]:
    """Train for some steps and give the loss after each fiftieth."""
    torch.manual_seed(0)
    model = Adder()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    seen: list[float] = []
    total = 0.0
    for step in range(1, steps + 1):
        x, lengths, target = draw(64)
        loss = nn.functional.mse_loss(model(x, lengths), target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        total += loss.item()
        if step % 50 == 0:
            seen.append(total / 50)
            total = 0.0
            print(f"step {step:4d}   mean squared error {seen[-1]:.4f}")
    return seen


if __name__ == "__main__":
    train()
