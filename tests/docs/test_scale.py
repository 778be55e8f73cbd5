"""The guide to several processes: its commands run as printed, and one error is told once."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "scale.md").read_text("utf-8")
SMALL = ["--hidden", "4", "--threads", "1"]
# What a launcher of a job that runs these tests may have set.
LAUNCHED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def launched(line: str, *more: str) -> list[str]:
    """A command's words, the launcher as this environment has it."""
    words = [*shlex.split(line), *more]
    module = {
        "torchrun": ["-m", "torch.distributed.run"],
        "accelerate": ["-m", "accelerate.commands.accelerate_cli"],
    }[words[0]]
    return [sys.executable, *module, *words[1:]]


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k not in LAUNCHED}
    scripts = sysconfig.get_path("scripts")
    environment |= {"OMP_NUM_THREADS": "1", "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(command: list[str], folder: Path) -> tuple[int, str, str]:
    process = start(command, folder)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder with sequences of two states."""
    lines = ["id,heat,state"]
    for case in range(40):
        speed = 0.3 if case % 2 else 0.7
        lines += [
            f"{case},{np.sin(speed * t):.4f},{'ok' if case % 2 else 'hot'}" for t in range(12)
        ]
    (tmp_path / "readings.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_two_processes_speak_with_one_voice(folder: Path) -> None:
    """The guide's first command; what one process prints is printed once."""
    first = blocks("bash")[0].splitlines()[0]
    code, out, err = run(launched(first, *SMALL), folder)
    assert code == 0, err
    assert out.count("the bundle is runs/two") == 1
    assert len(re.findall(r"^epoch 3/3", err, re.MULTILINE)) == 1
    assert (folder / "runs" / "two" / "manifest.json").is_file()


@pytest.mark.deep
def test_the_commands_run_as_printed(folder: Path) -> None:
    one, several = blocks("bash")
    for line in one.splitlines():
        code, out, err = run(launched(line, *SMALL), folder)
        assert code == 0, err
        assert out.count("the bundle is") == 1
    (line,) = several.splitlines()
    machines = [start(launched(line, *SMALL), folder) for _ in range(2)]
    told = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], told
    assert sum(out.count("the bundle is runs/wide") for out, _ in told) == 1


@pytest.mark.deep
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fit readings.csv --hiden 4", "unknown flag --hiden; did you mean --hidden?"),
        ("fit nowhere.csv", "nowhere.csv"),
        ("fit readings.csv --learning-rate 1e30 --out runs/bad", "learning_rate"),
        ("compare readings.csv", "only recurra fit trains in several processes together"),
    ],
)
def test_one_error_is_told_once_and_ends_all(line: str, said: str, folder: Path) -> None:
    code, out, err = run(launched(f"torchrun --nproc_per_node 2 -m recurra {line}"), folder)
    assert code != 0
    told = [each for each in err.splitlines() if each.startswith("recurra: error: ")]
    assert len(told) == 1, err
    assert said in told[0]
    assert "the bundle is" not in out


def test_the_script_for_slurm_is_a_shells(tmp_path: Path) -> None:
    (script,) = blocks("sh")
    path = tmp_path / "job.sh"
    path.write_text(script)
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_every_flag_of_ours_is_a_setting_or_an_option() -> None:
    from recurra.cli.fit import command

    ours = {flag for parameter in command.params for flag in parameter.opts}
    launchers = {
        *("--nproc_per_node", "--nnodes", "--rdzv_backend", "--rdzv_endpoint", "--rdzv_id"),
        *("--num_processes", "--multi_gpu", "--cpu", "--mpirun_hostfile"),
        *("--kill-on-bad-exit", "--jobs"),
    }
    text = re.sub(r"#SBATCH .*", "", GUIDE)
    assert set(re.findall(r"--[a-z][a-z_-]+", text)) <= ours | launchers
