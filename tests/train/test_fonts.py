"""Chinese words in a picture are drawn where a font has them, and a note says where none has."""

from __future__ import annotations

import io
import warnings

import pytest

from recurra.train import fonts
from recurra.train.fonts import CJK_FAMILIES, SVG_FAMILIES, cjk_family, families_for

mpl = pytest.importorskip("matplotlib", reason="pictures of this kind need matplotlib")


def pixels(words: str, families: list[str]) -> bytes:
    from matplotlib.figure import Figure

    figure, picture = Figure(figsize=(2, 1)), io.BytesIO()
    figure.suptitle(words, fontfamily=families)
    figure.savefig(picture, format="png")
    return picture.getvalue()


@pytest.mark.parametrize("words", ["好评", "ｆＧ", "かな", "評價"])
def test_characters_look_different_where_a_font_has_them(words: str) -> None:
    """What no font has is drawn as one and the same box."""
    if cjk_family() is None:
        pytest.skip("no font with Chinese characters is installed")
    families = families_for([words])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boxes = [pixels(sign, families[:-1]) for sign in words]
    glyphs = [pixels(sign, families) for sign in words]
    assert boxes[0] == boxes[1]
    assert len({*glyphs, *boxes}) == 3


def test_a_note_says_that_no_font_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "CJK_FAMILIES", ())
    with pytest.warns(UserWarning, match="install one, such as Noto Sans CJK"):
        assert families_for(["好评如潮"]) == mpl.rcParams["font.family"]


def test_a_font_is_found_that_came_after_matplotlibs_list(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import font_manager

    if (usual := cjk_family()) is None:
        pytest.skip("no font with Chinese characters is installed")
    stale = [e for e in font_manager.fontManager.ttflist if e.name not in CJK_FAMILIES]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", stale)
    assert cjk_family() == usual


def test_other_words_change_nothing() -> None:
    assert families_for(["naïve – ½ µs", "mathematics"]) == mpl.rcParams["font.family"]


def test_an_svg_names_fonts_of_every_system() -> None:
    for name in ("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei"):
        assert f"'{name}'" in SVG_FAMILIES
    assert SVG_FAMILIES.startswith("Helvetica, Arial, ")
    assert SVG_FAMILIES.endswith(", sans-serif")
