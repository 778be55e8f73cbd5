"""A probe measures what is there, and leaves weights, gradients, modes and random states alone."""

import numpy as np
import pytest
import torch

from recurra.codecs import cases_from_arrays
from recurra.spec.settings import Settings
from recurra.tasks import task_for
from recurra.train.doctor.probe import PROBE_CASES, measure, probe_index, reach_of, still
from recurra.train.fit import network_for


def made(**changes):
    """Task, network, encoded cases of a small classifier."""
    settings = Settings.from_flat({"hidden": 6, "batch_size": 8, **changes})
    random = np.random.default_rng(0)
    x = [random.normal(size=(int(random.integers(3, 9)), 2)) for _ in range(40)]
    cases = cases_from_arrays(x, ["a", "b"] * 20)
    task = task_for("classify", settings)
    codec = task.codec(cases, settings)
    torch.manual_seed(0)
    network = network_for(task, task.graphs(settings.model, codec), settings)
    encoded = task.encoded(codec, cases, settings, training=True)
    return settings, task, network, encoded, probe_index(task, encoded, settings.training)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn", "mingru"])
def test_gates_are_those_of_the_cell_and_equal_a_step_by_hand(cell):
    _, task, network, encoded, index = made(cell=cell)
    units = measure(network, task, encoded, index)["layers"]["encoder"]
    wanted = {
        "gru": {"reset", "update"},
        "lstm": {"input", "forget", "output"},
        "rnn": set(),
        "mingru": {"update"},
    }
    assert set(units["gates"]) == wanted[cell]
    assert units["count"] == 6
    assert units["dead"] == 0.0
    assert all(gate["shut"] == gate["open"] == 0.0 for gate in units["gates"].values())


def test_the_mean_of_a_gate_is_that_of_the_recurrence():
    _, task, network, encoded, index = made()
    found = measure(network, task, encoded, index)["layers"]["encoder"]["gates"]
    layer, sums, count = network.encoder, torch.zeros(2), 0
    for k in index:
        h = torch.zeros(1, 6)
        for x_t in torch.from_numpy(encoded[int(k)].steps["x"]):
            total = x_t @ layer.input_weight.T + layer.input_bias
            total = total + h @ layer.recurrent_weight.T + layer.recurrent_bias
            reset, update, _ = total.chunk(3, -1)
            sums += torch.stack([g.sigmoid().mean() for g in (reset, update)]).detach()
            count += 1
            h, _ = layer.step(x_t[None], None if h is None else type_of(layer)(h))
    means = (sums / count).tolist()
    assert [found[g]["mean"] for g in ("reset", "update")] == pytest.approx(means, abs=1e-6)


def type_of(layer):
    return layer.state_type


def test_shut_gates_and_dead_units_are_seen_in_both_directions():
    _, task, network, encoded, index = made(bidirectional=True, dense_after=[5])
    with torch.no_grad():
        network.encoder.backward_cell.input_bias[6:12] = -20.0
        network.after_0.bias.fill_(-100.0)
    layers = measure(network, task, encoded, index)["layers"]
    assert layers["encoder.backward_cell"]["gates"]["update"]["shut"] == 1.0
    assert layers["encoder.backward_cell"]["dead"] == 1.0
    assert layers["encoder.forward_cell"]["gates"]["update"]["shut"] == 0.0
    assert layers["after_0"]["dead"] == 1.0


def test_the_way_from_the_start_is_in_units_of_its_size():
    _, task, network, encoded, index = made()
    start = {n: p.detach().clone() for n, p in network.named_parameters()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    assert measure(network, task, encoded, index, start=start)["moved"] == pytest.approx(0.5)


def test_the_noise_of_a_gradient_shrinks_with_the_batch():
    settings, task, network, encoded, index = made()
    few, many = (
        task.batches(encoded, settings.training.model_copy(update={"batch_size": b}), 1)
        for b in (1, 20)
    )
    found = [measure(network, task, encoded, index, noise=batches) for batches in (few, many)]
    assert found[0]["noise"] > found[1]["noise"]


def test_a_probe_leaves_everything_as_it_was():
    settings, task, network, encoded, index = made(dropout=0.5, zoneout=0.2)
    network.train()
    before = torch.get_rng_state(), {n: p.clone() for n, p in network.state_dict().items()}
    batches = task.batches(encoded, settings.training, 1)
    first = measure(network, task, encoded, index, noise=batches)
    assert first == measure(network, task, encoded, index, noise=batches)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert all(torch.equal(p, before[1][n]) for n, p in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
    assert all(module.training for module in network.modules())
    assert not network.encoder._forward_hooks


def test_each_module_gets_its_own_mode_back():
    network = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Dropout())
    network[0].eval()
    with still(network):
        assert not network[1].training
    assert (network.training, network[0].training, network[1].training) == (True, False, True)


def test_the_probe_is_the_same_few_cases_in_every_run():
    settings, task, _, encoded, index = made()
    again = probe_index(task, encoded, replace_epochs(settings))
    assert index.tolist() == again.tolist()
    assert len(set(index.tolist())) == PROBE_CASES


def replace_epochs(settings):
    return settings.training.model_copy(update={"epochs": 3})


@pytest.mark.parametrize(("pool", "far"), [("last", False), ("mean", True)])
def test_the_loss_is_felt_at_every_step_where_all_are_read(pool, far):
    settings = Settings.from_flat({"hidden": 6, "pool": (pool,)})
    random = np.random.default_rng(0)
    x = [random.normal(size=(60, 2)) for _ in range(20)]
    cases = cases_from_arrays(x, ["a", "b"] * 10)
    task = task_for("classify", settings)
    codec = task.codec(cases, settings)
    torch.manual_seed(0)
    network = network_for(task, task.graphs(settings.model, codec), settings)
    encoded = task.encoded(codec, cases, settings, training=True)
    found = reach_of(network, task, encoded, probe_index(task, encoded, settings.training))
    assert found["length"] == 60
    assert (found["steps"] == 59) == far
    assert all(p.grad is None for p in network.parameters())
