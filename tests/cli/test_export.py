"""An exported model gives in ONNX Runtime what the bundle gives, and says what stands around it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from recurra import runtime
from recurra.cli import main


@pytest.fixture(scope="module")
def exported(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "波.onnx"
    assert main(["export", str(bundle), "--format", "onnx", "--out", str(out)]) == 0
    return out


def test_the_answers_are_the_bundle_s(exported: Path, bundle: Path, table: Path) -> None:
    """The bundle's own encoded cases, all in one batch, through ONNX Runtime."""
    model = runtime.load(bundle)
    x = np.random.default_rng(0).normal(size=(5, 9, 2)).astype(np.float32)
    lengths = np.array([9, 1, 4, 9, 2])
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    (name,) = model.parts.graphs["main"].inputs
    feed: dict[str, Any] = {name: x, "lengths": lengths}
    for one in session.get_inputs():
        if one.name.startswith("state."):
            kind = np.float64 if one.type == "tensor(double)" else np.float32
            feed[one.name] = np.zeros((5, one.shape[1]), kind)
    (output,) = model.network.graph.outputs
    (came,) = session.run([output], feed)
    wanted, _ = model.network({name: x}, lengths=lengths)
    np.testing.assert_allclose(came, wanted[output], atol=1e-6)


def test_metadata_says_what_stands_before_and_behind(exported: Path, bundle: Path) -> None:
    said = {p.key: p.value for p in onnx.load(str(exported)).metadata_props}
    model = runtime.load(bundle)
    assert said["recurra.task"] == "classify"
    assert said["recurra.fingerprint"] == model.fingerprint
    assert json.loads(said["recurra.preprocessing"]) == model.codec.to_json()
    assert json.loads(said["recurra.graph"]) == model.parts.graphs["main"].to_json()
    assert set(json.loads(said["recurra.state"]).values()) == {"zeros"}


def test_what_it_did_is_told(bundle: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "m.onnx"
    assert main(["export", str(bundle), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"m\.onnx: opset 17, 34 runs in ONNX Runtime, whole and step by step", said)
    assert main(["export", str(bundle), "--out", str(out)]) == 2
    assert "exists: choose another name" in capsys.readouterr().err
    assert main(["export", str(bundle), "--out", str(out), "--force"]) == 0


def test_a_disagreeing_export_is_not_written(
    bundle: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the update gate's sign forgotten, nothing would be written."""
    from recurra.convert import onnx_cells

    true = onnx_cells.to_onnx_arrays

    def wrong(node: Any, ours: Any) -> Any:
        weight, recurrent, bias = true(node, ours)
        return -weight, recurrent, bias

    monkeypatch.setattr(onnx_cells, "to_onnx_arrays", wrong)
    assert main(["export", str(bundle), "--out", str(tmp_path / "m.onnx")]) == 2
    assert "the export is refused" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_same_bundle_gives_the_same_file(exported: Path, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.onnx"
    assert main(["export", str(bundle), "--out", str(out)]) == 0
    assert out.read_bytes() == exported.read_bytes()


def test_without_a_name_the_file_has_the_bundle_s(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(bundle), "--format", "onnx"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{bundle.name}.onnx"]


def test_float64_is_refused(
    table: Path, roles: list[str], small: list[str], tmp_path: Path, capsys: Any
) -> None:
    """With the reason and what to do; nothing is written."""
    out = str(tmp_path / "wide")
    flags = [*roles, *small, "--precision", "float64", "--quiet", "--out", out]
    assert main(["fit", str(table), *flags]) == 0
    assert main(["export", out, "--out", str(tmp_path / "m.onnx")]) == 2
    assert "in float32 only; train with precision='float32'" in capsys.readouterr().err
    assert not (tmp_path / "m.onnx").exists()


# What imports onnx stands for it: by now it may have been imported.
@pytest.mark.parametrize("package", ["recurra.convert.onnx_graph", "onnxruntime"])
def test_a_package_that_is_not_installed_is_named(
    package: str, bundle: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["export", str(bundle), "--out", str(tmp_path / "m.onnx")]) == 2
    assert 'pip install "recurra[onnx]"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments(bundle: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["export", str(tmp_path / "none"), "--out", str(tmp_path / "m.onnx")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert main(["export", str(bundle), "--format", "tflite", "--out", "x"]) == 2
    assert "'tflite' is not 'onnx'" in capsys.readouterr().err
    assert main(["export", str(bundle), "--out", str(tmp_path), "--force"]) == 2
    assert "is a folder: name a file" in capsys.readouterr().err
    assert main(["export", str(bundle), "--out", str(tmp_path / "no" / "m.onnx")]) == 2
    assert "is no folder: make it" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
