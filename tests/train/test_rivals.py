"""A rival has the cells' parameters, parts, loop and loss; the recurrent layers alone go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.codecs import Cases, cases_from_arrays
from recurra.codecs.corpus_files import corpus_cases
from recurra.codecs.forecast_table import SeriesCases
from recurra.codecs.pairs_read import pair_cases
from recurra.codecs.read_tags import tag_cases_from_arrays
from recurra.errors import SettingsError
from recurra.spec.settings import Settings
from recurra.train.compare import compare_cases
from recurra.train.compare_material import Material, material_of
from recurra.train.compare_trial import Silent, Trial, run_trial, settings_of
from recurra.train.fit import fit_cases, network_for
from recurra.train.rivals import ABSENT, RIVALS, read_rivals
from train.comparing import Told, material, settings, waves


def tagged() -> Cases:
    random = np.random.default_rng(0)
    x = [random.normal(size=(int(random.integers(4, 9)), 2)) for _ in range(24)]
    y = [[("up", "down")[int(v > 0)] for v in row[:, 0]] for row in x]
    return tag_cases_from_arrays(x, y, settings=settings(task="tag").data)


def series() -> SeriesCases:
    values = np.random.default_rng(0).normal(size=(90, 2)).cumsum(axis=0)
    return SeriesCases("series", (values,), ("a", "b"), ("s",), "f", target_names=("a", "b"))


TEXT = "the cat sat on the mat. the dog sat on the log.\n" * 12


def materials() -> dict[str, Any]:
    def made(cases: Any, **changes: Any) -> Material:
        return material_of(cases, settings(**changes))

    random = np.random.default_rng(0)
    x = [random.normal(size=(5, 1)) for _ in range(30)]
    return {
        "classify": lambda: material(),
        "both ways": lambda: material(bidirectional=True),
        "regress": lambda: made(cases_from_arrays(x, [float(v.mean()) for v in x])),
        "generate": lambda: made(
            corpus_cases([TEXT]), task="generate", window=9, batch_size=4, embedding=5
        ),
        "tag": lambda: made(tagged(), task="tag"),
        "forecast": lambda: made(series(), task="forecast", horizon=3, lookback=8, segment=2),
    }


@pytest.mark.parametrize("task", list(materials()))
@pytest.mark.parametrize("name", RIVALS)
def test_every_task_trains_it_to_an_end(task: str, name: str, tmp_path: Path) -> None:
    given = materials()[task]()
    trial = Trial(name, given.hidden(name, 900), 2, 0)
    found = run_trial(given, trial, tmp_path / "t", Told())
    assert found["failed"] is None
    assert found["epochs"] == 2
    assert found["bundle_bytes"] is None
    assert not (tmp_path / "t" / "bundle").exists()
    assert np.isfinite(found["figures"][given.metric[0]])


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("budget", [600, 5000])
def test_its_parameters_are_counted_as_they_are(name: str, budget: int) -> None:
    given = material()
    hidden = given.hidden(name, budget)
    trial = Trial(name, hidden, 1, 0)
    chosen, rival = settings_of(given, trial), given.rival(name)
    assert rival is not None
    graphs = given.task.graphs(chosen.model, given.codec)
    network = network_for(given.task, graphs, chosen)
    rival.install(network, graphs)
    count = sum(p.numel() for p in network.parameters())
    assert given.parameters(name, hidden) == rival.parameters(graphs) == count
    nearest = min((abs(given.parameters(name, h) - budget), h) for h in range(1, 2 * hidden + 2))
    assert nearest[1] == hidden


@pytest.mark.parametrize("name", RIVALS)
def test_what_was_killed_goes_on_to_the_bit(name: str, tmp_path: Path) -> None:
    given = material()
    rival, chosen = given.rival(name), settings_of(given, Trial(name, 4, 3, 0))

    class Stops(Told):
        def on_start(self, plan: Any) -> None: ...
        def on_end(self, stopped: str) -> None: ...
        def on_epoch(self, record: Any, best: bool) -> None: ...  # type: ignore[override]  # it is a Progress
        def on_step(self, epoch: int, *_: Any) -> None:
            if epoch > 1:
                raise KeyboardInterrupt

    whole = fit_cases(given.train, chosen, valid=given.valid, rival=rival)
    folder = tmp_path / "b"
    fit_cases(given.train, chosen, valid=given.valid, rival=rival, folder=folder, progress=Stops())  # type: ignore[arg-type]  # has what a Progress has
    again = fit_cases(
        given.train, chosen, valid=given.valid, rival=rival, folder=folder, resume=True
    )
    for path, value in whole.module.state_dict().items():
        assert torch.equal(again.module.state_dict()[path], value), path


def test_both_stand_in_both_tables_and_in_the_picture(tmp_path: Path) -> None:
    found = compare_cases(
        waves(),
        settings(hidden=8),
        tmp_path / "out",
        Silent(),
        cells=("gru",),
        against=RIVALS,
        seeds=2,
    )
    assert [(entry["cell"], entry["kind"]) for entry in found["results"]] == [
        ("gru", "cell"),
        ("tcn", "rival"),
        ("transformer", "rival"),
    ]
    assert found["equal_time"] is not None
    assert [entry["cell"] for entry in found["equal_time"]["results"]] == ["gru", *RIVALS]
    for entry in found["results"][1:]:
        assert (entry["step_us"], entry["bundle_bytes"]) == (None, None)
        assert entry["absent"] == ABSENT
        assert entry["training_seconds"]
        assert all(run["bundle"] is None for run in entry["seeds"])
    assert {d["second"] for d in found["differences"]} >= set(RIVALS) - {
        found["differences"][0]["first"]
    }
    drawn = (tmp_path / "out" / "curves.svg").read_text()
    assert all(f">{name}<" in drawn for name in ("gru", *RIVALS))


def test_it_reads_ahead_where_one_answer_is_given_for_the_whole() -> None:
    assert {n: material().rival(n).causal for n in RIVALS} == {"tcn": True, "transformer": False}  # type: ignore[union-attr]  # both are rivals
    both = material(bidirectional=True)
    assert not any(both.rival(n).causal for n in RIVALS)  # type: ignore[union-attr]  # both are rivals
    text = materials()["generate"]()
    assert all(text.rival(n).causal and text.rival(n).context == 9 for n in RIVALS)


def test_what_leaves_no_place_for_it_is_refused() -> None:
    with pytest.raises(SettingsError, match="did you mean 'tcn'"):
        read_rivals(["tnc"])
    assert read_rivals(["tcn", "tcn"]) == ("tcn",)
    pairs = pair_cases(["ab", "ba"] * 8, ["ba", "ab"] * 8)
    with pytest.raises(SettingsError, match="transduce has two"):
        material_of(pairs, Settings.from_flat({"task": "transduce"})).rival("tcn")
    with pytest.raises(SettingsError, match="missing='decay'"):
        material(missing="decay").rival("transformer")
    with pytest.raises(SettingsError, match="truncated carries a state"):
        material(truncated=True).rival("tcn")
