"""The rules of the house that a machine can hold: files, names, imports, what may run code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "recurra"
FILES = sorted(SOURCE.rglob("*.py"))
TEXTS = [
    path
    for folder in ("src", "tests", "benchmarks", "examples", "native")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".cc", ".h", ".inl"}
]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_each_source_file_has_its_test_file() -> None:
    """src/recurra/a/b.py is tested by tests/a/test_b.py; packages' __init__.py are not counted."""
    missing = []
    for path in FILES:
        if path.name == "__init__.py":
            continue
        inside = path.relative_to(SOURCE)
        test = ROOT / "tests" / inside.parent / f"test_{inside.stem.lstrip('_')}.py"
        if not test.exists():
            missing.append(f"{name_of(path)} -> {name_of(test)}")
    assert not missing, "\n".join(missing)


BANNED_MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
}
BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
BANNED_ATTRIBUTES = {
    ("torch", "load"),
    ("torch", "save"),
    ("torch", "hub"),
    ("torch", "package"),
    ("os", "system"),
    ("yaml", "load"),
}


def findings(tree: ast.AST) -> list[str]:
    """Everything in a module that could run code found in a file."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
            found += [f"imports {name}" for name in names if name in BANNED_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] in BANNED_MODULES:
                found.append(f"imports {node.module}")
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
                found.append(f"calls {node.func.id}")
            if isinstance(node.func, ast.Attribute) and node.func.attr in {
                "save_state",
                "load_state",
            }:
                found.append(f"calls {node.func.attr} (Accelerate's pickles)")
            for keyword in node.keywords:
                allowed = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                if keyword.arg == "allow_pickle" and not allowed:
                    found.append("allows pickle")
                if keyword.arg == "shell" and not allowed:
                    found.append("runs a shell")
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) in BANNED_ATTRIBUTES
        ):
            found.append(f"uses {node.value.id}.{node.attr}")
    return found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_that_could_run_code_from_a_file(path: Path) -> None:
    """No pickle and its like, no eval and its like, no loader that could run code."""
    assert findings(ast.parse(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "eval(text)",
        "np.load(path, allow_pickle=True)",
        "accelerator.save_state(folder)",
        "run('ls', shell=True)",
    ],
)
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    """The ban above is no empty promise: each forbidden form is found."""
    assert findings(ast.parse(line))


def test_numpy_files_are_never_read_with_pickle() -> None:
    """np.load is called only with allow_pickle=False, said aloud."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "load"
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"np", "numpy"}
            ):
                assert any(keyword.arg == "allow_pickle" for keyword in node.keywords), path


def test_the_deep_tests_draw_more() -> None:
    """`make test-deep` asks for the profile of hypothesis that is meant for it, `make test` not."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    deep = [line for line in makefile.splitlines() if "RECURRA_HYPOTHESIS=deep" in line]
    assert len(deep) == 1
    assert f"test-deep: $(VENV)/.installed\n{deep[0]}\n" in makefile
    assert "pytest" in deep[0]


NOT_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "data"}


def test_names_say_what_is_inside() -> None:
    """No file or folder has a name that says nothing."""
    wrong = [
        name_of(path)
        for path in FILES
        if set(path.relative_to(SOURCE).with_suffix("").parts) & NOT_NAMES
    ]
    assert wrong == []


def test_files_can_be_held_in_the_head() -> None:
    """No file of source or tests is longer than 500 lines."""
    long = {name_of(p): n for p in TEXTS if (n := len(p.read_text("utf-8").splitlines())) > 500}
    assert long == {}


def test_every_exception_carries_its_reason() -> None:
    """A `noqa` or `type: ignore` names its code and says why on the same line."""
    bare = re.compile(r"#\s*(noqa|type:\s*ignore)(?P<rest>.*)$")
    wrong = []
    for path in TEXTS:
        if path.suffix != ".py" or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            found = bare.search(line)
            if found and not re.match(
                r"(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[\w, -]+\])\s*(#|-|—|:)?\s*\w{2,}", found["rest"]
            ):
                wrong.append(f"{name_of(path)}:{number}: {line.strip()}")
    assert wrong == []


def test_nothing_is_left_unfinished() -> None:
    """No TODO, no stub, no swallowed exception."""
    unfinished = re.compile(
        r"\b(TODO|FIXME|XXX|NotImplementedError)\b|except:\s*$|except Exception:\s*pass"
    )
    wrong = [
        f"{name_of(path)}:{number}"
        for path in TEXTS
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if unfinished.search(line)
    ]
    assert wrong == []


LOADED = "import sys; {}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"


def modules_after(statement: str) -> set[str]:
    run = [sys.executable, "-c", LOADED.format(statement)]
    return set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())


def test_import_recurra_loads_nothing_heavy() -> None:
    """`import recurra` alone loads neither numpy nor anything else that is heavy."""
    extra = modules_after("import recurra") - modules_after("pass") - {"recurra"}
    assert not extra & {"numpy", "torch", "polars", "pydantic", "click", "rich", "sklearn"}


def test_the_runtime_needs_numpy_alone() -> None:
    """`import recurra.runtime` loads numpy and nothing else from outside the standard library."""
    extra = modules_after("import recurra.runtime") - modules_after("import numpy") - {"recurra"}
    outside = {m for m in extra if m not in sys.stdlib_module_names and not m.startswith("_")}
    assert outside == set()


def test_public_names_load_on_first_use() -> None:
    """Every public name of the package can be had, and an unknown one is refused."""
    import recurra

    for name in recurra.__all__:
        assert getattr(recurra, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        recurra.nonsense  # noqa: B018 -- the access itself is what is tested


def test_public_lists_are_true() -> None:
    """Every name in an `__all__` exists, and is listed once."""
    for path in FILES:
        tree = ast.parse(path.read_text("utf-8"))
        defined = {
            name
            for node in ast.walk(tree)
            for name in (
                [node.name]
                if isinstance(node, ast.FunctionDef | ast.ClassDef)
                else [a.asname or a.name for a in node.names]
                if isinstance(node, ast.ImportFrom | ast.Import)
                else [t.id for t in node.targets if isinstance(t, ast.Name)]
                if isinstance(node, ast.Assign)
                else [node.target.id]
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
                else []
            )
        }
        listed = next(
            (
                ast.literal_eval(node.value)
                for node in tree.body
                if isinstance(node, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
            ),
            [],
        )
        assert len(listed) == len(set(listed)), path
        lazy = "def __getattr__" in path.read_text("utf-8")
        assert lazy or set(listed) <= defined, (path, set(listed) - defined)
