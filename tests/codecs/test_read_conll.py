"""Law: a token a line becomes a case a sentence; what is out of order names its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.codecs.read_conll import looks_like_conll, read_conll
from recurra.errors import DataError


def file(tmp_path: Path, text: str, name: str = "x.conll") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8", newline="")
    return path


def test_the_first_column_is_the_token_and_the_last_its_tag(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\n\n# DT O\ncall NN B-X\n"
    cases = read_conll(file(tmp_path, text))
    assert cases.inputs == (("EU", "rejects"), ("#", "call"))
    assert cases.targets == (("B-ORG", "O"), ("O", "B-X"))
    assert (cases.kind, cases.target_kind, cases.ids) == ("tokens", "steps", ("0", "1"))
    assert cases.notes == ()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tabs_keep_spaces_and_comments_are_passed_over(tmp_path: Path, end: str) -> None:
    lines = ["# sent_id = 1", "New York\tPROPN", "\u3000\tPUNCT", "", "# text", "#\tSYM", ""]
    cases = read_conll(file(tmp_path, end.join(lines)))
    assert cases.inputs == (("New York", "\u3000"), ("#",))
    assert cases.targets == (("PROPN", "PUNCT"), ("SYM",))


def test_wide_spaces_are_tokens_and_only_newlines_end_lines(tmp_path: Path) -> None:
    cases = read_conll(file(tmp_path, "\u3000 O\na\u2028b  B-X\n", "x.bmes"))
    assert cases.inputs == (("\u3000", "a\u2028b"),)


def test_tags_may_be_absent_or_left_alone(tmp_path: Path) -> None:
    assert read_conll(file(tmp_path, "a\nb\n")).targets is None
    assert read_conll(file(tmp_path, "a O\n"), want_target=False).targets is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a O\nb\n", 2, r"expected 2 columns as in the first line, .* got \['b'\]"),
        ("a\tO\nb\t\n", 2, "expected 2 columns"),
        ("a O\n\nb X O\n", 3, "expected 2 columns"),
        ("a O\nb\0 O\n", 2, "expected"),
        ("a O\n\nb B-X\nc I-\n", 4, r"expected a tag with its type, such as I-X, or O, got 'I-'"),
        ("a O\nb B-\n", 2, "such as B-PER, or O, got 'B-': add the type"),
        ("a B-X\nb S_\n", 2, "such as S_X"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(DataError, match=words) as refusal:
        read_conll(file(tmp_path, text))
    assert refusal.value.line == line


def test_what_looks_like_a_span_without_type_may_be_a_class(tmp_path: Path) -> None:
    cases = read_conll(file(tmp_path, "a A+\nb B-\nc O-\n"))
    assert cases.targets == (("A+", "B-", "O-"),)
    assert read_conll(file(tmp_path, "a B\nb I\nc O\n")).targets == (("B", "I", "O"),)


def test_no_sentence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got only blank lines"):
        read_conll(file(tmp_path, "\n \n-DOCSTART- O\n"))


def test_unmatched_spans_are_counted_and_the_first_named(tmp_path: Path) -> None:
    text = "a B-X\nb M-X\n\nc M-X\nd E-X\ne E-Y\n"
    (note,) = read_conll(file(tmp_path, text)).notes
    assert note.startswith("3 tags are out of order for bmes (the first in line 2)")


def test_a_single_unmatched_tag_is_one_tag(tmp_path: Path) -> None:
    (note,) = read_conll(file(tmp_path, "a B-X\nb E-X\nc E-X\n")).notes
    assert note.startswith("1 tag is out of order for bioes (the first in line 3)")


def test_sentences_are_told_from_a_table_by_their_gaps(tmp_path: Path) -> None:
    assert looks_like_conll(file(tmp_path, "a\tO\n\nb\tO\n"))
    assert not looks_like_conll(file(tmp_path, "id\tlabel\n1\tO\n\n\n"))


@pytest.mark.data
def test_real_files_are_read(real_data: Path) -> None:
    """As many sentences and tokens as their makers say; two sentences were cut within a span."""
    cvs = read_conll(real_data / "resume_ner" / "train.char.bmes")
    assert (len(cvs), int(cvs.lengths.sum())) == (3821, 124099)
    assert cvs.notes[0].startswith("4 tags are out of order for bmes (the first in line 62390)")
    words = read_conll(real_data / "ud_en_ewt" / "train.tsv")
    assert (len(words), int(words.lengths.sum())) == (12544, 204577)
    assert words.targets is not None
    assert len({tag for tags in words.targets for tag in tags}) == 17
