"""The machine that was measured on: processor, caches, instruction sets, versions; no name."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from recurra import kernels

__all__ = ["ISA_VARIABLES", "machine"]

_CPU_INFO = Path("/proc/cpuinfo")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# What decides which kernels, ours or a peer's, can run.
_FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")
# What limits the instruction sets of PyTorch's parts: MKL, oneDNN, its own loops.
ISA_VARIABLES = ("MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
_PACKAGES = ("recurra", "numpy", "torch", "onnxruntime", "openvino", "keras", "jax")


def machine() -> dict[str, Any]:
    """What a figure depends on beside the code."""
    info = _cpu_info()
    flags = info.get("flags", "").split()
    return {
        "processor": info.get("model name") or platform.processor() or platform.machine(),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "cores": os.cpu_count(),
        "caches": _caches(),
        "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "kernels": kernels.backend(),
        "isa": kernels.isa(),
        "pytorch_limits": {name: os.environ[name] for name in ISA_VARIABLES if name in os.environ},
        "versions": {"python": platform.python_version()} | _versions(),
    }


def _cpu_info() -> dict[str, str]:
    """The first processor's part of /proc/cpuinfo; empty where there is none."""
    if not _CPU_INFO.exists():
        return {}
    first = _CPU_INFO.read_text(encoding="utf-8").split("\n\n", 1)[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _caches() -> dict[str, str]:
    """The first core's caches with their sizes, such as {"L1 data": "48K"}."""
    found = {}
    for cache in sorted(_CACHES.glob("index*")):
        level, kind, size = (
            (cache / name).read_text(encoding="utf-8").strip() for name in ("level", "type", "size")
        )
        found[f"L{level}" + ("" if kind == "Unified" else f" {kind.lower()}")] = size
    return found


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
