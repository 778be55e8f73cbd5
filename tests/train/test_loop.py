"""The loop learns, keeps the best weights, stops when it should, and says why it cannot go on."""

import math
import signal
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from recurra.errors import TrainingError
from recurra.spec.batch import Encoded, EncodedList
from recurra.spec.report import EpochRecord
from recurra.spec.settings import TrainingSettings
from recurra.tasks import Classify
from recurra.tasks.abstract import tensors_of
from recurra.train.device import accelerator_for
from recurra.train.loop import Loop, Run
from recurra.train.progress import Plan, Silent
from recurra.train.schedule import learning_rate


class Network(torch.nn.Module):
    """The smallest thing with the call of a graph."""

    graph = SimpleNamespace(inputs=("x",))

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = torch.nn.Parameter(torch.randn(2, 2, generator=generator) * scale)

    def forward(
        self, inputs: dict[str, torch.Tensor], *, lengths: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
        means = inputs["x"].sum(1) / lengths[:, None]
        return {"head": means @ self.weight.T}, {}


def cases(count: int = 20) -> EncodedList:
    generator = np.random.default_rng(0)
    encoded = []
    for k in range(count):
        x = generator.normal(size=(int(generator.integers(1, 6)), 2)) + 2 * (k % 2) - 1
        encoded.append(Encoded({"x": x.astype(np.float32)}, {"y": np.array(k % 2)}))
    return EncodedList(encoded)


@pytest.fixture
def accelerator() -> Iterator[Accelerator]:
    with accelerator_for("float32", "auto") as one:
        yield one


MakeLoop = Callable[..., Loop]


@pytest.fixture
def make(accelerator: Accelerator) -> MakeLoop:
    def loop(
        measures: list[tuple[float, float]] | None = None,
        network: Network | None = None,
        watched: bool = True,
        task: Classify | None = None,
        **settings: object,
    ) -> Loop:
        left = iter(measures or [])
        chosen = TrainingSettings(**{"epochs": 4, "batch_size": 4, "warmup": 0.0, **settings})
        return Loop(
            network or Network(),
            task or Classify(),
            cases(),
            lambda: next(left, (0.5, 0.5)),
            chosen,
            accelerator,
            watched=watched,
        )

    return loop


def nothing(run: Run) -> None:
    del run


class Watcher(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def on_start(self, plan: Plan) -> None:
        self.told.append(plan)

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        assert math.isfinite(loss)
        assert speed > 0
        assert eta_s >= 0
        self.told.append((epoch, batch, metric))

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        self.told.append(("epoch", record["epoch"], best))

    def on_end(self, stopped: str) -> None:
        self.told.append(stopped)


def test_one_step_is_adamw_on_the_mean_gradient_clipped_by_its_global_norm(make: MakeLoop) -> None:
    reference, network = Network(), Network()
    loop = make(network=network, epochs=1, batch_size=20, clip_norm=0.05, weight_decay=0.3)
    loop.run(Run(), Silent(), nothing)

    batch = cases().collate(range(20))
    device = torch.device("cpu")
    outputs, _ = reference(
        tensors_of(batch, ["x"], device, torch.float32), lengths=torch.from_numpy(batch.lengths)
    )
    classes = torch.from_numpy(batch.rows["y"])
    torch.nn.functional.cross_entropy(outputs["head"], classes).backward()
    torch.nn.utils.clip_grad_norm_(reference.parameters(), 0.05)
    torch.optim.AdamW(reference.parameters(), lr=3e-3, weight_decay=0.3).step()
    torch.testing.assert_close(network.weight, reference.weight, rtol=1e-6, atol=1e-7)


def test_the_gradient_is_that_of_the_weighted_mean(make: MakeLoop) -> None:
    """Sum by weight, not by the number of cases: what makes parts of a step add up."""
    weights = (1.0, 5.0)
    network = Network()
    loop = make(network=network, task=Classify(weights), epochs=1, batch_size=20, clip_norm=0.0)
    (record,) = loop.run(Run(), Silent(), nothing).history

    reference = Network()
    batch = cases().collate(range(20))
    device = torch.device("cpu")
    outputs, _ = reference(
        tensors_of(batch, ["x"], device, torch.float32), lengths=torch.from_numpy(batch.lengths)
    )
    classes = torch.from_numpy(batch.rows["y"])
    loss = torch.nn.functional.cross_entropy(outputs["head"], classes, torch.tensor(weights))
    loss.backward()
    assert reference.weight.grad is not None
    assert record["loss"] == pytest.approx(loss.item(), rel=1e-6)
    assert record["gradient_norm"] == pytest.approx(reference.weight.grad.norm().item(), rel=1e-5)


def test_each_step_takes_the_rate_of_the_schedule(make: MakeLoop) -> None:
    """Warm-up and fall reach the optimiser, step by step."""
    loop = make(epochs=3, batch_size=10, warmup=0.4, schedule="linear", learning_rate=0.1)
    taken: list[float] = []

    class Reads(Silent):
        def on_step(self, *_: object) -> None:
            taken.extend(group["lr"] for group in loop.optimiser.param_groups)

    loop.run(Run(), Reads(), nothing)
    assert taken == [learning_rate(step, 6, loop.settings) for step in range(6)]
    assert len(set(taken)) > 3


def test_it_learns(make: MakeLoop) -> None:
    run = make(epochs=20, learning_rate=0.05).run(Run(), Silent(), nothing)
    losses = [record["loss"] for record in run.history]
    assert losses[-1] < 0.5 * losses[0]


def test_history_says_what_happened(make: MakeLoop) -> None:
    run = make([(0.3, 0.5), (0.2, 0.75)], epochs=2, clip_norm=1e-6).run(Run(), Silent(), nothing)
    first, second = run.history
    assert set(first) == set(EpochRecord.__annotations__)
    assert (second["epoch"], second["valid_loss"], second["metric"]) == (2, 0.2, 0.75)
    assert first["clipped"] == 1.0
    assert first["gradient_norm"] > 1e-6
    assert second["learning_rate"] < first["learning_rate"]


def test_without_a_clip_norm_nothing_is_clipped(make: MakeLoop) -> None:
    run = make(clip_norm=0.0).run(Run(), Silent(), nothing)
    assert [record["clipped"] for record in run.history] == [0.0] * 4
    assert all(record["gradient_norm"] > 0 for record in run.history)


def test_the_best_weights_are_those_of_the_best_metric(make: MakeLoop) -> None:
    network = Network()
    kept: list[torch.Tensor] = []
    loop = make([(1.0, 0.5), (1.0, 0.9), (0.1, 0.6), (0.2, 0.7)], network=network)
    run = loop.run(Run(), Silent(), lambda _: kept.append(network.weight.detach().clone()))
    assert (run.best_epoch, run.best_metric, run.stopped) == (2, 0.9, "epochs")
    assert torch.equal(run.best["weight"], kept[1])
    assert not torch.equal(run.best["weight"], network.weight)


def test_of_equal_metrics_the_lower_loss_wins(make: MakeLoop) -> None:
    run = make([(0.5, 1.0), (0.3, 1.0), (0.4, 1.0), (0.3, 1.0)]).run(Run(), Silent(), nothing)
    assert run.best_epoch == 2


def test_patience_ends_the_training(make: MakeLoop) -> None:
    measures = [(1.0, 0.5), (1.0, 0.9), *[(1.0, 0.8)] * 10]
    run = make(measures, epochs=12, patience=3).run(Run(), Silent(), nothing)
    assert (run.epoch, run.best_epoch, run.stopped) == (5, 2, "patience")
    run = make(measures, epochs=12, patience=0).run(Run(), Silent(), nothing)
    assert (run.epoch, run.stopped) == (12, "epochs")


def test_unwatched_the_last_epoch_counts_and_patience_does_not(make: MakeLoop) -> None:
    measures = [(0.1, 1.0), *[(1.0, 0.1)] * 5]
    run = make(measures, epochs=6, patience=1, watched=False).run(Run(), Silent(), nothing)
    assert (run.epoch, run.best_epoch, run.stopped) == (6, 6, "epochs")


def test_whoever_watches_is_told_in_order(make: MakeLoop) -> None:
    watcher = Watcher()
    make([(0.5, 0.5), (0.6, 0.4)], epochs=2, batch_size=10).run(Run(), watcher, nothing)
    plan, *told = watcher.told
    assert isinstance(plan, Plan)
    assert (plan.epochs, plan.epoch, plan.batches, plan.cases, plan.parameters) == (2, 1, 2, 20, 4)
    assert told == [
        (1, 1, None),
        (1, 2, None),
        ("epoch", 1, True),
        (2, 1, 0.5),
        (2, 2, 0.5),
        ("epoch", 2, False),
        "epochs",
    ]


@pytest.mark.parametrize("scale", [math.nan, 1e38])
def test_a_loss_that_is_not_finite_stops_with_what_to_try(make: MakeLoop, scale: float) -> None:
    loop = make(network=Network(scale))
    with pytest.raises(TrainingError, match=r"at step 1 \(epoch 1\).*gradient norm.*learning_rate"):
        loop.run(Run(), Silent(), nothing)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_watched_cases_that_diverge_stop_it_with_step_and_gradient_norm(make: MakeLoop) -> None:
    def diverged() -> tuple[float, float]:
        raise TrainingError("the watched loss became nan: try a smaller learning_rate")

    loop = make()
    loop.measure = diverged
    with pytest.raises(
        TrainingError, match=r"became nan.*after step 5 \(epoch 1\).*gradient norm was \d"
    ):
        loop.run(Run(), Silent(), nothing)


class Stopper(Silent):
    """Presses Ctrl-C, or raises what it would raise, after a step."""

    def __init__(self, epoch: int, batch: int, *, raises: bool) -> None:
        self.when, self.raises = (epoch, batch), raises

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        if (epoch, batch) == self.when:
            if self.raises:
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("raises", [False, True])
def test_ctrl_c_ends_with_the_best_weights_so_far(make: MakeLoop, raises: bool) -> None:
    saved: list[int] = []
    measures = [(0.5, 0.9), (0.5, 0.8)]
    run = make(measures).run(
        Run(), Stopper(3, 2, raises=raises), lambda run: saved.append(run.epoch)
    )
    assert (run.stopped, run.epoch, run.best_epoch, run.best_metric) == ("interrupted", 2, 1, 0.9)
    assert saved == [1, 2]


def test_ctrl_c_in_the_first_epoch_keeps_the_weights_there_are(make: MakeLoop) -> None:
    network = Network()
    run = make([(0.7, 0.6)], network=network).run(Run(), Stopper(1, 2, raises=False), nothing)
    assert (run.stopped, run.best_epoch, run.best_metric, run.history) == (
        "interrupted",
        0,
        0.6,
        [],
    )
    assert torch.equal(run.best["weight"], network.weight)


def test_a_finished_run_is_not_continued(make: MakeLoop) -> None:
    network = Network()
    loop = make(network=network, epochs=2)
    run = loop.run(Run(), Silent(), nothing)
    before = network.weight.detach().clone()
    watcher = Watcher()
    again = loop.run(run, watcher, nothing)
    assert watcher.told == ["epochs"]
    assert again.epoch == 2
    assert torch.equal(network.weight, before)
