"""Fonts for pictures whose words are Chinese, Japanese or Korean: of matplotlib, and of SVG.

A glyph that the usual font lacks is taken from the first of these that is installed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

__all__ = ["CJK_FAMILIES", "SVG_FAMILIES", "cjk_family", "families_for"]

# Simplified Chinese first; a Japanese face has most of its characters too.
CJK_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Noto Sans CJK JP",
    "Arial Unicode MS",
    "Droid Sans Fallback",
)
# How their files begin.
_FILES = (
    *("notosanscjk", "notosanssc", "sourcehansans", "pingfang", "hiragino sans gb"),
    *("stheiti", "msyh", "wqy-", "simhei", "arial unicode", "droidsansfallback"),
)
SVG_FAMILIES = ", ".join(
    ["Helvetica", "Arial", *(f"'{name}'" for name in CJK_FAMILIES), "sans-serif"]
)
# Where the scripts begin that Latin fonts lack: Hangul, radicals, kana, ideographs, full width.
_BLOCKS = (("\u1100", "\u11ff"), ("\u2e80", "\ud7ff"), ("\uf900", "\ufaff"), ("\ufe30", "\uffef"))
_BEYOND = "\U00020000"


def cjk_family() -> str | None:
    """The first of `CJK_FAMILIES` that matplotlib can draw with; None: none is installed."""
    from matplotlib import font_manager

    known = {entry.name for entry in font_manager.fontManager.ttflist}
    found = next((name for name in CJK_FAMILIES if name in known), None)
    return found or _newly_installed()


def families_for(texts: Iterable[str]) -> list[str]:
    """What matplotlib takes as font.family, or fontfamily=, to write these texts.

    Args:
        texts: What will be written, or a part of it.

    Returns:
        The usual families, and one more where a text needs it; a note says where none has it.
    """
    import matplotlib as mpl

    usual = list(mpl.rcParams["font.family"])
    if not any(map(_needs_cjk, texts)):
        return usual
    family = cjk_family()
    if family is None:
        warnings.warn(
            "no font with Chinese characters is installed: boxes stand for them; install one, such "
            "as Noto Sans CJK",
            stacklevel=2,
        )
        return usual
    return [*usual, family]


def _needs_cjk(text: str) -> bool:
    return any(
        sign >= _BEYOND or any(first <= sign <= last for first, last in _BLOCKS) for sign in text
    )


def _newly_installed() -> str | None:
    """One that was installed after matplotlib wrote its list of fonts down."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    for path in sorted(findSystemFonts()):
        if Path(path).stem.lower().startswith(_FILES):
            fontManager.addfont(path)
    known = {entry.name for entry in fontManager.ttflist}
    return next((name for name in CJK_FAMILIES if name in known), None)
