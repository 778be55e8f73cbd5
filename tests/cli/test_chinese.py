"""Chinese text, file names, columns and labels go in and come out whole, whatever the terminal."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recurra import runtime
from recurra.cli import main
from recurra.codecs import read_cases
from recurra.errors import DataError
from recurra.spec.settings import Settings

Capture = pytest.CaptureFixture[str]
SMALL = ["--hidden", "8", "--epochs", "2", "--threads", "1", "--quiet"]
LABELS = ("好评", "差评")
RUN = "from recurra.cli import main; raise SystemExit(main())"
# How a terminal may be set up that cannot show Chinese; Python would repair the plain C locale.
TERMINALS = (
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "gbk"},
)
ODD = "含“引号”，全角ＡＢＣ、表情👍 与\u3000空格"
TABLE = [
    ["评价", "类别"],
    [ODD, "好评"],
    *[[f"{'很好吃' if k % 2 else '太难吃了'}，第{k}次订", LABELS[1 - k % 2]] for k in range(23)],
]


def write(path: Path, rows: list[list[str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("数据") / "我的 文件夹（一）"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def reviews(folder: Path) -> Path:
    return write(folder / "外卖 评价.csv", TABLE)


@pytest.fixture(scope="module")
def bundle(folder: Path, reviews: Path) -> Path:
    out = folder / "模型 评价"
    assert main(["fit", str(reviews), *SMALL, "--embedding", "8", "--out", str(out)]) == 0
    return out


def test_texts_and_labels_are_read_as_they_stand(reviews: Path) -> None:
    """The columns' own names say what they are."""
    cases = read_cases(reviews, Settings().data)
    assert cases.inputs[0] == ODD
    assert set(cases.targets or ()) == set(LABELS)


def test_every_format_of_answers_keeps_the_labels(bundle: Path, reviews: Path) -> None:
    import polars as pl

    places = {ending: bundle.parent / f"答案 {ending}.{ending}" for ending in ("csv", "jsonl")}
    places["parquet"] = bundle.parent / "答案.parquet"
    for place in places.values():
        assert main(["predict", str(bundle), str(reviews), "--out", str(place), "--force"]) == 0
    table = pl.read_csv(places["csv"])
    assert table.columns == ["id", "prediction", "probability_好评", "probability_差评"]
    said = [json.loads(ln)["prediction"] for ln in places["jsonl"].read_text("utf-8").splitlines()]
    assert "好评" in places["jsonl"].read_text("utf-8")
    assert set(said) <= set(LABELS)
    assert table["prediction"].to_list() == said
    assert pl.read_parquet(places["parquet"])["prediction"].to_list() == said


def test_json_is_readable(bundle: Path, reviews: Path, capsys: Capture) -> None:
    assert main(["info", str(bundle), "--json"]) == 0
    told = capsys.readouterr().out
    assert "好评" in told
    assert json.loads(told)["labels"] == list(LABELS)
    assert main(["evaluate", str(bundle), str(reviews)]) == 0
    assert "│ 差评 " in capsys.readouterr().out


@pytest.mark.parametrize("terminal", TERMINALS, ids=["C", "ascii", "gbk"])
def test_no_terminal_makes_a_traceback(
    bundle: Path, reviews: Path, terminal: dict[str, str]
) -> None:
    """Arguments come back as they were typed, streams answer in JSON, tables stay straight."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **terminal}

    def run(*arguments: str, given: str = "") -> tuple[int, str, str]:
        command = [sys.executable, "-c", RUN, *arguments]
        done = subprocess.run(command, input=given.encode(), capture_output=True, env=environment)
        encoding = "gbk" if "gbk" in terminal.values() else "ascii"
        return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)

    named = ["--text", "评价", "--target", "类别"]
    code, shown, complaint = run("evaluate", str(bundle), str(reviews), *named)
    assert (code, complaint) == (0, "")
    assert (
        len({len(line.encode("gbk")) for line in shown.splitlines() if line.startswith(("|", "+"))})
        <= 1
    )
    code, shown, complaint = run("predict", str(bundle), "--stream", given='"好"\n"👍"\n"好吃"\n')
    answers = [json.loads(line) for line in shown.splitlines()]
    assert (code, [list(answer) for answer in answers[2:]]) == (2, [["error"]])
    assert set(answers[0]["probability"]) == set(LABELS)
    code, _, complaint = run("evaluate", str(bundle), "没有.csv")
    assert (code, complaint.count("\n")) == (2, 1)
    assert "Traceback" not in complaint


def test_a_file_in_gbk_is_learnt_once_its_encoding_is_named(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal shows the line and the flag; with it, init, fit, evaluate and predict go on."""
    monkeypatch.chdir(folder)
    plain = [[field.replace("👍", "") for field in row] for row in TABLE]
    write(folder / "旧系统.csv", plain, "gbk")
    assert main(["fit", "旧系统.csv", *SMALL, "--out", "旧"]) == 2
    complaint = capsys.readouterr().err
    assert "旧系统.csv, line 1: " in complaint
    assert "begins '评价,类别': if that is right, give --encoding gb18030" in complaint
    assert main(["init", "旧系统.csv", "--encoding", "gb18030", "--out", "旧.toml"]) == 0
    assert main(["fit", "旧系统.csv", "--config", "旧.toml", *SMALL, "--out", "旧"]) == 0
    assert main(["evaluate", "旧", "旧系统.csv", "--encoding", "gbk"]) == 0
    assert main(["predict", "旧", "旧系统.csv", "--encoding", "gbk", "--out", "旧答案.csv"]) == 0
    assert runtime.load("旧").labels == LABELS
    assert main(["fit", "旧系统.csv", *SMALL, "--encoding", "gb99", "--out", "旧2"]) == 2
    assert "expected the name of a text encoding" in capsys.readouterr().err
    np.savez(folder / "a.npz", x=np.zeros((2, 3, 1)), y=[0, 1])
    assert main(["fit", "a.npz", "--encoding", "gbk"]) == 2
    assert "is of text files" in capsys.readouterr().err


def test_series_with_chinese_columns_and_a_byte_order_mark(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Excel writes a CSV: a mark ahead, CRLF at the ends of lines."""
    monkeypatch.chdir(folder)
    rows = [["编号", "时刻", "温度（℃）", "振动", "状态"]]
    for case in range(24):
        state, rise = (("正常", 1), ("故障", -1))[case % 2]
        rows += [[f"机器 {case}", str(t), str(rise * t), str(t % 3), state] for t in range(6)]
    write(folder / "读数.csv", rows, "utf-8-sig")
    assert main(["init", "读数.csv", "--out", "读数.toml"]) == 0
    shown = capsys.readouterr().out
    assert "  id       编号\n  time     时刻\n  target   状态\n" in shown
    assert "  features 温度（℃）, 振动" in shown
    assert "recurra fit 读数.csv --config 读数.toml" in shown
    assert main(["fit", "读数.csv", "--config", "读数.toml", *SMALL, "--out", "机器"]) == 0
    model = runtime.load("机器")
    assert (model.features, model.labels) == (("温度（℃）", "振动"), ("故障", "正常"))
    session = model.session()
    session.feed({"温度（℃）": 1.0, "振动": 0.0}, 0.0)
    pytest.importorskip("onnxruntime", reason="exports are checked with ONNX Runtime")
    assert main(["export", "机器", "--out", "机器 模型.onnx"]) == 0


def test_tags_and_prompts(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    sentence = "张 B-人名\n伟 E-人名\n在 O\n北 B-地名\n京 E-地名\n👍 O\n\n"
    Path("人名.bmes").write_text(sentence * 20, "utf-8")
    assert main(["fit", "人名.bmes", *SMALL, "--learning-rate", "0.05", "--out", "标注"]) == 0
    assert main(["predict", "标注", "人名.bmes", "--out", "标注.jsonl"]) == 0
    spans = json.loads(Path("标注.jsonl").read_text("utf-8").splitlines()[0])["spans"]
    assert {span["type"] for span in spans} <= {"人名", "地名"}
    Path("诗.txt").write_text("床前明月光，疑是地上霜。\n" * 20, "utf-8")
    flags = ["--task", "generate", "--batch-size", "4", "--window", "16"]
    assert main(["fit", "诗.txt", *flags, *SMALL, "--out", "诗"]) == 0
    capsys.readouterr()
    assert main(["generate", "诗", "--prompt", "床前", "--length", "6", "--json"]) == 0
    told = capsys.readouterr().out
    assert json.loads(told)["prompt"] == "床前"
    assert "床前" in told
    assert main(["generate", "诗", "--prompt", "龙"]) == 2
    assert "'龙'" in capsys.readouterr().err


@pytest.mark.data
def test_real_reviews_say_the_same_in_utf8_and_in_gb18030(real_data: Path, tmp_path: Path) -> None:
    """11,987 takeaway reviews, emoji included; with and without a byte order mark."""
    path = next((real_data / "waimai_10k").glob("*.csv"))
    cases = read_cases(path, Settings().data)
    assert len(cases) == 11_987
    text = path.read_text("utf-8-sig")
    other = tmp_path / "外卖.csv"
    for encoding in ("gb18030", "utf-16", "utf-8-sig"):
        other.write_bytes(text.encode(encoding))
        chosen = Settings.from_flat({"encoding": encoding}).data
        again = read_cases(other, chosen)
        assert (again.inputs, again.targets) == (cases.inputs, cases.targets)
    other.write_bytes(text.encode("gb18030"))
    with pytest.raises(DataError, match="give --encoding gb18030"):
        read_cases(other, Settings().data)


@pytest.mark.data
def test_real_tagged_characters_are_read_and_counted(real_data: Path) -> None:
    """Chinese CVs, a character and its BMES tag a line."""
    cases = read_cases(real_data / "resume_ner" / "test.char.bmes", Settings().data)
    assert len(cases) == 477
    assert cases.kind == "tokens"
