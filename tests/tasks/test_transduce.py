"""The task's loss, graphs and schedules are what its text says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from recurra.codecs.pairs import EncodedPairs, PairCodec
from recurra.codecs.pairs_alphabet import BOUNDARY
from recurra.codecs.pairs_read import pair_cases
from recurra.decode import BeamDecoder
from recurra.errors import SpecError
from recurra.layers import Networks
from recurra.spec.bridge import bridge_size
from recurra.spec.settings import Settings, TrainingSettings
from recurra.spec.state import flatten
from recurra.tasks.transduce import Transduce, _mixed, forced_share

CASES = pair_cases(["abba", "cab", "b", "ca"], ["xy", "yyx", "x", "yx"])
ATTENTIONS = ("multiplicative", "additive", "dot", "none")
SMALL = {"task": "transduce", "hidden": 3, "embedding": 2, "dropout": 0.0}


def made(**choices: Any) -> tuple[Transduce, PairCodec, Any, EncodedPairs]:
    settings = Settings.from_flat({**SMALL, **choices})
    codec = PairCodec.fit(CASES, settings.data)
    task = Transduce.of(settings)
    torch.manual_seed(0)
    network = Networks(task.graphs(settings.model, codec), {"dtype": torch.float64})
    return task, codec, network, EncodedPairs(codec.encode_cases(CASES))


def learned(task: Transduce, network: Any, encoded: EncodedPairs, index: Any) -> Any:
    batch = encoded.collate(index)
    return task.learn(network, batch, None, torch.device("cpu"), torch.float64)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_loss_is_that_of_each_symbol_after_those_before(
    attention: str, bidirectional: bool
) -> None:
    """One pair at a time, one symbol at a time, from the bridge; padding adds nothing."""
    task, _, network, encoded = made(
        attention=attention, bidirectional=bidirectional, label_smoothing=0.1, cell="lstm"
    )
    network.eval()
    found = learned(task, network, encoded, [0, 1, 2])
    total = weight = 0.0
    for case in list(encoded)[:3]:
        known, _ = network["encoder"]({"x": torch.from_numpy(case.steps["x"])[None]})
        decoder = network["decoder"]
        slots = torch.split(known["bridge"], [3, 3], 1)
        (name,) = decoder.initial_state(1)
        state = {name: type(decoder.initial_state(1)[name])(*slots)}
        reads = {n: known[n] for n in ("memory", "keys", "context") if n in decoder.graph.inputs}
        if attention != "none":
            reads["places"] = torch.tensor([len(case.steps["x"])])
        before = BOUNDARY
        for symbol in (*case.rows["y"].tolist(), BOUNDARY):
            outputs, state = decoder.step({"tokens": torch.tensor([before]), **reads}, state)
            surprise = -torch.log_softmax(outputs["head"][0], 0)
            total += 0.9 * surprise[symbol] + 0.1 * surprise.mean()
            weight, before = weight + 1, symbol
    assert found.weight.item() == weight == 2 + 3 + 1 + 3
    torch.testing.assert_close(found.total, total, rtol=0, atol=1e-9)


def test_every_parameter_learns() -> None:
    """None is left without a gradient, whichever way the decoder reads."""
    for attention in ATTENTIONS:
        task, _, network, encoded = made(attention=attention, layers=2, bidirectional=True)
        learned(task, network, encoded, [0, 1]).total.backward()
        lost = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
        assert lost == [], attention


def test_more_layers_stand_where_they_are_named() -> None:
    """Dense ones and convolutions ahead of the encoder, dense ones ahead of the head; all learn."""
    task, _, network, encoded = made(
        dense_before=(4,), convolution=(5, 3), convolution_width=2, dense_after=(6, 2)
    )
    kinds = {n: [s.name for s in g.steps] for n, g in network.graphs.items()}
    assert kinds["encoder"][1:5] == ["before_0", "convolution_0", "convolution_1", "encoder"]
    assert kinds["decoder"][-3:] == ["after_0", "after_1", "head"]
    learned(task, network, encoded, [0, 1]).total.backward()
    assert all(p.grad is not None for p in network.parameters())


def test_shared_symbols_share_the_embedding() -> None:
    """One weight in both graphs, and it is learnt from both sides."""
    shared = made(share_symbols=True)[2]
    names = {name for name in shared.state_dict() if "embedding" in name}
    assert names == {"embedding.weight"}
    assert shared["encoder"].embedding is shared["decoder"].embedding
    apart = {n for n in made()[2].state_dict() if "embedding" in n}
    assert apart == {"source_embedding.weight", "target_embedding.weight"}


def test_the_bridge_fills_every_slot() -> None:
    """Of a deep decoder whose encoder is as deep."""
    _, _, network, _ = made(layers=2, cell="lstm", bidirectional=True)
    decoder = network["decoder"].graph
    assert network["encoder"].graph.signals()["bridge"].size == bridge_size(decoder) == 4 * 3
    slots = [p for n, s in network["decoder"].initial_state(1).items() for p, _ in flatten(s)]
    assert len(slots) == 4


def test_the_decoder_is_the_beam_of_the_settings() -> None:
    """Twice the longest target unless said otherwise; quick is greedy."""
    task, codec, _, _ = made(beam=3, length_penalty=0.5)
    assert task.decoder(codec) == BeamDecoder(width=3, length_penalty=0.5, longest=6)
    assert task.quick().decoder(codec) == BeamDecoder(width=1, longest=6)
    assert made(longest_output=4)[0].decoder(codec).longest == 4


def test_forcing_follows_its_schedule() -> None:
    """From 1 in the first epoch to the share that is asked for in the last."""

    def shares(schedule: Any, epochs: int = 5) -> list[float]:
        settings = TrainingSettings(epochs=epochs, teacher_forcing=0.6, forcing_schedule=schedule)
        return [round(forced_share(k, settings), 6) for k in range(1, epochs + 1)]

    assert shares("linear") == [1.0, 0.9, 0.8, 0.7, 0.6]
    assert shares("constant") == [0.6] * 5
    sigmoid = shares("sigmoid")
    assert sigmoid == sorted(sigmoid, reverse=True)
    assert sigmoid[2] == 0.8
    assert sigmoid[0] > 0.998
    assert shares("linear", epochs=1) == [1.0]
    task = Transduce().at_epoch(5, TrainingSettings(epochs=5, teacher_forcing=0.6))
    assert task.forcing == pytest.approx(0.6)


def test_guesses_take_the_place_of_true_symbols() -> None:
    """Each is the most probable symbol after the step before; the first stays the boundary."""
    tokens = torch.tensor([[1, 5, 6, 7]] * 500)
    scores = torch.nn.functional.one_hot(torch.tensor([[2, 3, 4, 9]] * 500), 10).double()
    assert _mixed(tokens, scores, 1.0).equal(tokens)
    assert _mixed(tokens, scores, 0.0)[0].tolist() == [1, 2, 3, 4]
    torch.manual_seed(0)
    mixed = _mixed(tokens, scores, 0.75)
    assert set(mixed[:, 1].tolist()) == {5, 2}
    assert (mixed[:, 1:] == tokens[:, 1:]).double().mean().item() == pytest.approx(0.75, abs=0.04)


def test_forcing_changes_what_is_learnt_only() -> None:
    """The same loss when it is watched; another one in training."""
    task, _, network, encoded = made()
    own = Transduce(forcing=0.0)
    network.eval()
    watched = [learned(t, network, encoded, [0, 1]).total.item() for t in (task, own)]
    assert watched[0] == watched[1]
    network.train()
    taught = [learned(t, network, encoded, [0, 1]).total.item() for t in (task, own)]
    assert taught[0] == watched[0] != taught[1]


def test_targets_are_needed() -> None:
    """Cases without them are named."""
    task, codec, network, _ = made()
    bare = EncodedPairs(codec.encode_cases(pair_cases(["ab"])))
    with pytest.raises(SpecError, match="encode cases with their targets"):
        learned(task, network, bare, [0])
    assert np.array_equal(bare[0].steps["x"], codec.encode("ab").steps["x"])
