"""Which kernels run: the native ones and their instruction set, or the portable numpy ones."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from recurra.errors import BackendError
from recurra.spec.kernel import DESCRIPTOR_VERSION

__all__ = [
    "backend",
    "isa",
    "isas",
    "native",
    "require_native",
    "set_isa",
    "why",
    "why_not_bfloat16",
]


def _load() -> tuple[ModuleType | None, str]:
    try:
        module = importlib.import_module("recurra.kernels._native")
    except ImportError as error:
        return None, str(error)
    if module.descriptor_version != DESCRIPTOR_VERSION:
        return None, (
            f"they have descriptor version {module.descriptor_version}, this package needs "
            f"{DESCRIPTOR_VERSION}"
        )
    return module, ""


_NATIVE, _ABSENT = _load()


def native() -> ModuleType | None:
    """The extension module, or None where it was not built."""
    return _NATIVE


def require_native(what: str) -> ModuleType:
    """The extension module, for what only it can do.

    Raises:
        BackendError: it was not built.
    """
    if _NATIVE is None:
        raise BackendError(
            f"{what} needs the native kernels, and they are not there ({_ABSENT}): install a C++ "
            "compiler, reinstall recurra, or use the reference backend of recurra.ops"
        )
    return _NATIVE


def backend() -> str:
    """Which kernels run: "native", or "portable" where the native ones were not built."""
    return "portable" if _NATIVE is None else "native"


def isa() -> str:
    """The instruction set in use: "amx" (AVX-512 and AMX), "avx512", "avx2" or "baseline".

    "numpy" for portable kernels.
    """
    return "numpy" if _NATIVE is None else str(_NATIVE.isa())


def isas() -> tuple[str, ...]:
    """The instruction sets that this processor can run, the fastest first."""
    return ("numpy",) if _NATIVE is None else tuple(_NATIVE.isas())


def why_not_bfloat16() -> str | None:
    """Why no products of bfloat16 can be computed; None: they can."""
    return _WHY_NOT_BFLOAT16


def _find_why_not_bfloat16() -> str | None:
    if _NATIVE is None:
        return "the native kernels were not built"
    if _NATIVE.bfloat16():
        return None
    if "amx" in isas():
        return f"they need the instruction set amx, and {_NAMED_BY} named {isa()}"
    return f"they need a processor with AMX, and {isa()} is the most that this one has"


def set_isa(name: str) -> None:
    """Use the named instruction set from now on; RECURRA_ISA in the environment does the same.

    Raises:
        BackendError: this processor, or this build, has no such instruction set.
    """
    _use(name, "set_isa")


_NAMED_BY = ""
# Found once for each choice: torch.compile traces a word, but not a call of the extension.
_WHY_NOT_BFLOAT16 = _find_why_not_bfloat16()


def _use(name: str, by: str) -> None:
    global _NAMED_BY, _WHY_NOT_BFLOAT16
    if name not in isas():
        raise BackendError(
            f"{by} expected an instruction set that runs here ({', '.join(isas())}), got {name!r}"
        )
    if _NATIVE is not None:
        _NATIVE.choose(name)
    _NAMED_BY = by
    _WHY_NOT_BFLOAT16 = _find_why_not_bfloat16()


def why() -> str:
    """One sentence: which kernels run, why, and what the portable ones cost."""
    if _NATIVE is None:
        return (
            f"Portable numpy kernels, because the native ones are not there ({_ABSENT}): a step "
            "takes about ten times as long, and training runs on the reference."
        )
    reason = f"{_NAMED_BY} named it" if _NAMED_BY else "it is the fastest that runs here"
    others = ", ".join(name for name in isas() if name != isa()) or "none"
    return f"Native kernels with {isa()}, because {reason}; also possible here: {others}."


if os.environ.get("RECURRA_ISA"):
    _use(os.environ["RECURRA_ISA"], "RECURRA_ISA")
