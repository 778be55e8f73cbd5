"""Every command and program of README.zh-CN.md and docs/zh-CN/guide.md runs as a reader runs it."""

from __future__ import annotations

import csv
import datetime
import json
import re
import runpy
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from recurra.cli import main

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.zh-CN.md"
GUIDE = ROOT / "docs/zh-CN/guide.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
GOOD = ("很好吃", "味道不错", "送餐很快", "分量足👍", "态度好", "还会再来")
BAD = ("太难吃了", "菜是凉的", "送得太慢😡", "分量太少", "态度差", "再也不买")
POEM = "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n"
SOUNDS = {"中": "zhong1", "国": "guo2", "人": "ren2", "大": "da4", "小": "xiao3", "学": "xue2"}


def reviews(random: np.random.Generator) -> list[list[str]]:
    """Takeaway reviews, two in three of them bad."""
    rows = []
    for k in range(90):
        words, label = (GOOD, "好评") if k % 3 == 0 else (BAD, "差评")
        rows.append(["，".join(random.choice(words, 2, replace=False)) + "。", label])
    return [["评价", "类别"], *rows]


def readings(random: np.random.Generator) -> list[list[str]]:
    """Machines of two speeds, a row a time step."""
    rows = [["编号", "时刻", "温度", "振动", "状态"]]
    for case in range(40):
        speed, state = ((0.3, "正常"), (0.8, "故障"))[case % 2]
        phase = random.uniform(0, 6)
        for t in range(int(random.integers(12, 18))):
            angle = speed * t + phase
            figures = [f"{np.sin(angle):.3f}", f"{np.cos(angle):.3f}"]
            rows.append([f"机器{case}", str(t), *figures, state])
    return rows


def batteries(random: np.random.Generator) -> list[list[str]]:
    """Batteries whose life, in hours, is told by their voltage."""
    rows = [["编号", "时刻", "电压", "寿命"]]
    for case in range(40):
        level = random.uniform(3.0, 4.0)
        for t in range(10):
            voltage = level + 0.05 * random.normal()
            rows.append([f"电池{case}", str(t), f"{voltage:.3f}", f"{100 * (level - 3):.1f}"])
    return rows


def ward(random: np.random.Generator) -> list[list[str]]:
    """Patients with holes and uneven times."""
    rows = [["编号", "时刻", "心率", "体温", "结局"]]
    for case in range(40):
        fast, hour = case % 2, 0.0
        for _ in range(int(random.integers(8, 12))):
            hour += 0.1 + random.exponential(1.0)
            pulse = f"{70 + 40 * fast + 5 * random.normal():.0f}" if random.random() < 0.7 else ""
            heat = f"{36.5 + fast + 0.2 * random.normal():.1f}" if random.random() < 0.5 else ""
            rows.append([f"病人{case}", f"{hour:.2f}", pulse, heat, ("出院", "转院")[fast]])
    return rows


def sales(random: np.random.Generator) -> list[list[str]]:
    """Two shops, a row a day, with a week's rhythm."""
    rows = [["日期", "门店", "销量"]]
    for shop in ("东门店", "西门店"):
        for day in range(140):
            date = datetime.date(2024, 1, 1) + datetime.timedelta(day)
            sold = 20 + 5 * np.sin(2 * np.pi * day / 7) + random.normal()
            rows.append([str(date), shop, f"{sold:.1f}"])
    return rows


def tagged(random: np.random.Generator) -> str:
    """Names and places, a character and its tag a line."""
    lines = []
    for _ in range(40):
        name, place = random.choice(["张伟", "王芳", "李娜"]), random.choice(["北京", "上海"])
        tags = ["B-人名", "E-人名", "O", "O", "B-地名", "E-地名", "O"]
        lines += [f"{a} {b}" for a, b in zip(f"{name}住在{place}。", tags, strict=True)] + [""]
    return "\n".join(lines) + "\n"


def sounds(random: np.random.Generator) -> str:
    """Words and how they are spoken."""
    words = ["".join(random.choice(list(SOUNDS), random.integers(2, 5))) for _ in range(80)]
    return "".join(f"{word}\t{' '.join(SOUNDS[sign] for sign in word)}\n" for word in words)


TABLES: dict[str, Callable[[np.random.Generator], list[list[str]]]] = {
    "外卖评价.csv": reviews,
    "机器读数.csv": readings,
    "电池.csv": batteries,
    "病房.csv": ward,
    "销量.csv": sales,
}


def write_files(folder: Path) -> None:
    """What the two documents speak of."""
    random = np.random.default_rng(0)
    for name, rows in TABLES.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows(random))
    (folder / "姓名地名.bmes").write_text(tagged(random), "utf-8")
    (folder / "唐诗.txt").write_text(POEM * 40, "utf-8")
    (folder / "汉字拼音.tsv").write_text(sounds(random), "utf-8")
    old = (folder / "外卖评价.csv").read_text("utf-8").replace("👍", "").replace("😡", "")
    (folder / "旧系统导出.csv").write_bytes(old.encode("gbk"))


def steps(document: Path) -> Iterator[tuple[str, str]]:
    """The commands (a line each) and programs of a document, in its order."""
    for language, body in BLOCK.findall(document.read_text("utf-8")):
        if language == "bash":
            yield from (("bash", ln) for ln in body.splitlines() if ln.startswith("recurra "))
        elif language == "python":
            yield language, body


@pytest.fixture(params=[README, GUIDE], ids=lambda path: path.name)
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_it_runs_from_its_first_line_to_its_last(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder with a Chinese name and a space, as many have."""
    folder = tmp_path / "我的 数据"
    folder.mkdir()
    write_files(folder)
    monkeypatch.chdir(folder)
    ran = set()
    for kind, text in steps(document):
        if kind == "bash":
            words = shlex.split(text, comments=True)[1:]
            ran.add(words[0])
            assert main(words) == 0, text
        else:
            # In this process: a new one would load PyTorch again for each program.
            (folder / "程序.py").write_text(text, "utf-8")
            runpy.run_path(str(folder / "程序.py"))
    assert {"init", "fit", "evaluate", "predict", "info"} <= ran
    if document == GUIDE:
        assert ran >= {"compare", "find-lr", "doctor", "generate", "export", "import"}
        assert (folder / "梯度.svg").stat().st_size > 2000
        assert (folder / "逐字判断.svg").stat().st_size > 2000
        assert "国" in (folder / "注意力.svg").read_text("utf-8")
        answers = (folder / "答案.jsonl").read_text("utf-8").splitlines()
        assert json.loads(answers[0])["prediction"] in {"好评", "差评"}


def test_the_files_that_it_shows_are_the_files_that_it_is_run_with(tmp_path: Path) -> None:
    """The first lines of each file that the guide prints."""
    write_files(tmp_path)
    shown = re.findall(r"`([^`]+)`[^`\n]*\n```text\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert len(shown) >= 4
    for name, lines in shown:
        heading = (tmp_path / name).read_text("utf-8").splitlines()[0]
        assert lines.splitlines()[0].split() == heading.split() or name.endswith((".bmes", ".tsv"))


def test_its_links_lead_somewhere_and_its_pictures_are_there(document: Path) -> None:
    text = document.read_text("utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert any(target.endswith((".svg", ".png")) for target in targets)
    for target in targets:
        assert (document.parent / target).exists(), target


def test_the_two_readmes_name_each_other() -> None:
    assert "(README.zh-CN.md)" in (ROOT / "README.md").read_text("utf-8")
    assert "(README.md)" in README.read_text("utf-8")
    assert "(docs/zh-CN/guide.md)" in README.read_text("utf-8")
