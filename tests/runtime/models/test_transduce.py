"""The whole model, encoder to beam: both sides give the same outputs."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.codecs.pairs import EncodedPairs, PairCodec
from recurra.codecs.pairs_alphabet import BOUNDARY, UNKNOWN
from recurra.codecs.pairs_read import pair_cases
from recurra.errors import BundleError, DataError, ShapeError, SpecError
from recurra.layers import Networks
from recurra.runtime import Parts, load, model_of, write_bundle
from recurra.runtime.models.transduce import TransduceModel
from recurra.spec.node import Signal
from recurra.spec.settings import Settings
from recurra.tasks.transduce import Transduce
from recurra.train.certificate import certify
from recurra.train.evaluate import model_in_torch

CASES = pair_cases(["abba", "cab", "b", "caabbc"], ["x y", "y y x", "x", "y x"])
ATTENTIONS = ("multiplicative", "additive", "dot", "none")


def made(cases: Any = CASES, **choices: Any) -> tuple[TransduceModel, Any]:
    """A model of random weights, and the same on torch's networks."""
    base = {"task": "transduce", "hidden": 5, "embedding": 4, "bidirectional": True, "beam": 3}
    settings = Settings.from_flat({**base, **choices})
    codec = PairCodec.fit(cases, settings.data)
    task = Transduce.of(settings)
    graphs = task.graphs(settings.model, codec)
    torch.manual_seed(0)
    module = Networks(graphs, {}).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter))
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    model = model_of(Parts("transduce", graphs, weights, codec, task.decoder(codec)))
    assert isinstance(model, TransduceModel)
    return model, model_in_torch(module, task, graphs, codec)


@pytest.mark.parametrize("cell", ["gru", "lstm", "mingru"])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_both_sides_find_the_same_outputs(attention: str, cell: str) -> None:
    """The same beam in the runtime and on torch's networks: texts, order and scores."""
    model, in_torch = made(attention=attention, cell=cell, layers=2, dropout=0.3)
    ours, theirs = model(CASES), in_torch(CASES)
    for found, wanted in zip(ours, theirs, strict=True):
        assert [o.text for o in found] == [o.text for o in wanted]
        np.testing.assert_allclose(
            [o.log_probability for o in found], [o.log_probability for o in wanted], atol=1e-4
        )
    claims = certify(model, in_torch, CASES)["claims"]
    assert claims["runtime_vs_torch"]["max_abs_diff"] < 1e-5
    measured = {name: claim["max_abs_diff"] for name, claim in claims.items()}
    del measured["runtime_vs_torch"]
    assert set(measured.values()) == {0.0}


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_a_source_alone_gives_the_same_bits(attention: str) -> None:
    """Whatever stands beside it, and however many there are."""
    model, _ = made(attention=attention)
    sources = list(CASES.inputs) * 30
    together = model(sources)
    for k in (0, 1, 2, 3, 70, 119):
        assert model(sources[k]) == together[k]


@pytest.mark.parametrize("attention", ["multiplicative", "none"])
def test_the_best_output_is_the_most_probable_of_all(attention: str) -> None:
    """A beam as wide as there are outputs finds what enumerating them finds."""
    model, _ = made(attention=attention, beam=64, longest_output=3)
    symbols = model.codec.target.symbols
    outputs = [" ".join(o) for n in range(4) for o in itertools.product(symbols, repeat=n)]
    totals = {y: model.log_probability("cab", y) for y in outputs}
    found = model("cab")
    assert [o.text for o in found] == sorted(outputs, key=lambda y: -totals[y])
    for output in found:
        assert output.log_probability == pytest.approx(totals[output.text], abs=1e-5)
    assert model.predict("cab") == found[0].text
    assert model.predict(["cab", "b"]) == [found[0].text, model("b")[0].text]


def test_no_output_holds_what_it_must_not() -> None:
    """Neither the unknown symbol nor a feature, though they have scores."""
    cases = pair_cases([("ab", "f,g"), ("ba", "g")], ["ba", "ab"])
    model, _ = made(cases, share_symbols=True, beam=40, longest_output=4)
    found = model("ab\tf")
    assert len(found) == 1 + 2 + 4 + 8 + 16
    assert all(set(output.text) <= {"a", "b"} for output in found)
    assert UNKNOWN not in {token for output in found for token in output.tokens}


def test_no_output_is_longer_than_it_may() -> None:
    """The end is forced; a source of unknown symbols is answered too."""
    model, _ = made(longest_output=2)
    for x in ("abbacab", "zzz"):
        assert all(len(output.tokens) <= 2 for output in model(x))


@pytest.mark.parametrize("attention", ["multiplicative", "additive", "dot"])
def test_attention_can_be_read(attention: str) -> None:
    """A row for each symbol of an output and its end, over the source and its end."""
    model, _ = made(attention=attention)
    found = model.alignment("cab", "x y")
    assert found.source == ["c", "a", "b", ""]
    assert found.output == ["x", "y", ""]
    assert found.weights.shape == (3, 4)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-5)
    assert len(model.alignment("cab").output) == len(model("cab")[0].tokens) + 1
    with pytest.raises(SpecError, match="attention='none'"):
        made(attention="none")[0].alignment("cab")


def test_a_bundle_answers_as_the_model_did(tmp_path: Path) -> None:
    """Written, read and replayed; with features and shared symbols too."""
    cases = pair_cases([("ab", "f,g"), ("ba", ["g"])], ["ba", "ab"])
    for made_of, shared in ((CASES, False), (cases, True)):
        model, in_torch = made(made_of, share_symbols=shared)
        parts, folder = model.parts, tmp_path / f"bundle{shared}"
        write_bundle(
            folder,
            task=parts.task,
            graphs=parts.graphs,
            weights=parts.weights,
            codec=parts.codec,
            decoder=parts.decoder,
            golden=list(made_of.inputs[:2]),
            certificate=certify(model, in_torch, made_of),
        )
        again = load(folder)
        assert again(made_of) == model(made_of)
        assert again.fingerprint == model.fingerprint


def test_figures_compare_texts_as_they_are_spelt() -> None:
    """Spaces and Unicode forms make no error."""
    cases = pair_cases(["a", "b"], ["e\u0301  x", "y y"])
    model, _ = made(cases)
    (best, *_), (other, *_) = model(cases)
    answers = [(best._replace(text="\u00e9 x"),), (other._replace(text="x"),)]
    figures = model.figures(answers, model.encoded(cases), cases)
    assert figures["word_error_rate"] == figures["accuracy"] == 0.5
    assert figures["symbol_error_rate"] == pytest.approx(2 / 4)


def test_answers_as_json_and_as_a_table() -> None:
    """The best one, and all hypotheses with their scores."""
    model, _ = made()
    answers = model(CASES)
    tree = model.object_of(answers[0])
    assert tree["prediction"] == answers[0][0].text
    assert [h["score"] for h in tree["hypotheses"]] == [o.score for o in answers[0]]
    table = model.table_of(CASES.ids, answers)
    assert table.columns == ["id", "prediction", "log_probability"]
    assert table["prediction"].to_list() == model.predict(list(CASES.inputs))
    assert "beam of 3" in model.describe()["answer"]
    assert "an output begins when its source has ended" in str(model.why_not_streaming())
    with pytest.raises(SpecError, match="no sessions"):
        model.session()


def test_what_cannot_be_answered_is_refused() -> None:
    """No case, no text, features for a model without."""
    model, _ = made()
    with pytest.raises(ShapeError, match="at least one case"):
        model.answers(EncodedPairs([]))
    with pytest.raises(DataError, match="case 1: expected no features"):
        model(["ab", "b\tf"])
    long = "ab" * 5000
    assert len(model.witness(long)) == 8 * 256
    assert model.witness(f"{long}\tf").endswith("\tf")


def test_parts_that_do_not_fit_are_refused() -> None:
    """Graphs, codec and decoder are checked against one another, each by its reason."""
    model, _ = made()
    parts = model.parts
    encoder, decoder = parts.graphs["encoder"], parts.graphs["decoder"]
    other = made(pair_cases(["abcdef"], ["u v w x y"]))[0].parts

    def refused(message: str, **changes: Any) -> None:
        with pytest.raises(BundleError, match=message):
            TransduceModel.check(replace(parts, **changes))

    refused("other inputs than the encoder", codec=other.codec)
    refused("scores no symbols", decoder=replace(parts.decoder, output="vector"))
    refused("codec for pairs and a beam", decoder=made_decoder())
    both = {"encoder": encoder, "decoder": decoder}
    bare = replace(encoder, outputs=("bridge",))
    refused("the encoder has none", graphs=both | {"encoder": bare})
    refused("bridge does not fit", graphs=both | {"encoder": replace(encoder, outputs=("memory",))})
    wider = dict(decoder.inputs) | {"tokens": Signal("steps", BOUNDARY + 9, "token")}
    with pytest.raises(SpecError):
        replace(decoder, inputs=wider)


def made_decoder() -> Any:
    from recurra.decode import ClassDecoder

    return ClassDecoder(classes=2)
