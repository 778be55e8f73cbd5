"""The trainings of a comparison, one after another or in several processes.

A worker is a Python process that is told, a line of JSON each, what to read and then which trial to
run, and tells, a line each, how far it is. Nothing but JSON passes between them, and results are
files: a worker that dies takes no finished training with it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, TextIO

from recurra import errors
from recurra.errors import OutputError, RecurraError
from recurra.spec.settings import Settings
from recurra.train.compare_material import Files, Material, material_of, read_parts
from recurra.train.compare_trial import Finished, Trial, Watch, finished, run_trial

__all__ = ["run_here", "run_in_processes", "work"]


def run_here(material: Material, trials: Sequence[Trial], folder: Path, watch: Watch) -> None:
    """Run the trials in this process, each in its folder of `folder`."""
    for trial in trials:
        watch.on_trial(trial, run_trial(material, trial, folder / trial.name, watch))


def run_in_processes(
    files: Files,
    settings: Settings,
    test_fraction: float,
    trials: Sequence[Trial],
    folder: Path,
    watch: Watch,
    jobs: int,
) -> None:
    """Run the trials in `jobs` processes.

    Args:
        files: What each process reads.
        settings: As for `material_of`.
        test_fraction: As for `material_of`.
        trials: In the order in which they are begun.
        folder: Of all trials.
        watch: Told from several threads, one at a time.
        jobs: At least 1.

    Raises:
        RecurraError: what a process refused; the others are stopped.
    """
    opening = {
        "source": str(files.source),
        "test": None if files.test is None else str(files.test),
        "test_fraction": test_fraction,
        "settings": settings.model_dump(mode="json"),
        "folder": str(folder),
    }
    waiting: queue.SimpleQueue[Trial] = queue.SimpleQueue()
    for trial in trials:
        waiting.put(trial)
    lock, problems = threading.Lock(), list[BaseException]()
    processes = [_started() for _ in range(min(jobs, len(trials)))]

    def serve(process: subprocess.Popen[str]) -> None:
        try:
            # What cannot be said to a process that died is told by what it says no more.
            with suppress(BrokenPipeError):
                _say(process.stdin, opening)
            while not problems:
                trial = waiting.get_nowait()
                with suppress(BrokenPipeError):
                    _say(process.stdin, asdict(trial))
                _follow(process, trial, watch, lock)
                result = finished(folder / trial.name)
                if result is None:
                    raise OutputError(f"{folder / trial.name}: the result has vanished")
                with lock:
                    watch.on_trial(trial, result)
        except queue.Empty:
            pass
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=serve, args=(p,), daemon=True) for p in processes]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            # In short waits, between which Ctrl-C is heard.
            while thread.is_alive() and not problems:
                thread.join(0.2)
        if problems:
            raise problems[0]
    finally:
        for process in processes:
            process.terminate()
        for thread in threads:
            thread.join()
        for process in processes:
            _closed(process)


def _started() -> subprocess.Popen[str]:
    # Ctrl-C in a terminal reaches every process of it: the parent alone answers.
    return subprocess.Popen(
        [sys.executable, "-c", "from recurra.train.compare_workers import work; work()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


def _closed(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        # What was not read by a process that ended goes nowhere.
        with suppress(BrokenPipeError):
            if pipe is not None:
                pipe.close()
    process.wait()


def _say(stream: IO[str] | None, tree: Any) -> None:
    assert stream is not None  # it is a pipe
    print(json.dumps(tree), file=stream, flush=True)


def _follow(
    process: subprocess.Popen[str], trial: Trial, watch: Watch, lock: threading.Lock
) -> None:
    """Read what a worker tells until its trial is finished."""
    assert process.stdout is not None  # it is a pipe
    for line in process.stdout:
        told = json.loads(line)
        if "epoch" in told:
            with lock:
                watch.on_epoch(trial, told["epoch"])
        elif "error" in told:
            raise getattr(errors, told["error"])(told["message"])
        else:
            return
    raise OutputError(
        f"a process died while it trained {trial.name} (exit code {process.wait()}): the same "
        "command goes on where it stopped; with too little memory take fewer --jobs"
    )


class _Teller:
    """A Watch that tells the parent."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_table(self, title: str, trials: int, finished: int) -> None:
        """Nothing: the parent knows."""

    def on_epoch(self, trial: Trial, epoch: int) -> None:
        """Tell it."""
        del trial
        _say(self._stream, {"epoch": epoch})

    def on_trial(self, trial: Trial, result: Finished) -> None:
        """Tell it; the result is in its file."""
        del result
        _say(self._stream, {"finished": trial.name})


def work() -> None:
    """What a worker does: read the opening and trials from standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints must not stand between the lines that the parent reads.
    tell = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    teller = _Teller(tell)
    try:
        opening = json.loads(sys.stdin.readline())
        settings = Settings.from_tree(opening["settings"])
        test = opening["test"]
        files = Files(Path(opening["source"]), None if test is None else Path(test))
        cases, tested = read_parts(files, settings)
        material = material_of(cases, settings, test=tested, test_fraction=opening["test_fraction"])
        for line in sys.stdin:
            run_here(material, [Trial(**json.loads(line))], Path(opening["folder"]), teller)
    except RecurraError as error:
        _say(tell, {"error": type(error).__name__, "message": str(error)})
