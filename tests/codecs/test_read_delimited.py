"""polars and the csv module see the same rows, and the line of an error is the file's."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs.read_delimited import read_delimited
from recurra.errors import DataError

Write = Callable[[str | bytes, str], Path]
fields = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=8)


def rows_of(path: Path) -> list[tuple[str, ...]]:
    return read_delimited(path).frame.rows()


@given(st.lists(st.tuples(fields, fields, fields), min_size=1, max_size=8), st.booleans())
def test_what_the_csv_module_writes_is_read(
    write: Write, rows: list[tuple[str, ...]], crlf: bool
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n" if crlf else "\n")
    writer.writerows([("a", "b", "c"), *rows])
    kept = [row for row in rows if any(field.strip() for field in row)]
    path = write(out.getvalue(), "f.csv")
    if not kept:
        with pytest.raises(DataError, match="rows below the header, got none"):
            read_delimited(path)
        return
    table = read_delimited(path)
    assert table.frame.rows() == kept
    lines = out.getvalue().split("\n")
    for k, row in enumerate(kept):
        line = table.line_of(k)
        assert line is not None
        assert next(csv.reader(io.StringIO("\n".join(lines[line - 1 :])))) == list(row)


@given(
    st.lists(
        st.tuples(*[st.text(st.sampled_from("ab\"' é,"), min_size=1, max_size=6)] * 2),
        min_size=1,
        max_size=8,
    )
)
def test_quotes_inside_a_tsv_are_plain_characters(
    write: Write, rows: list[tuple[str, str]]
) -> None:
    rows = [row for row in rows if "".join(row).strip() and not any('"' in f[:1] for f in row)]
    content = "id\tb\n" + "".join(f"{first}\t{second}\n" for first, second in [*rows, ("x", "y")])
    assert rows_of(write(content, "f.tsv")) == [*rows, ("x", "y")]


def test_a_tsv_that_quotes_loses_its_quotes(write: Write) -> None:
    frame = pl.DataFrame({"a": ['say "hi"', "x"], "b": ["1", "2"]})
    path = write(frame.write_csv(separator="\t"), "f.tsv")
    assert rows_of(path) == frame.rows()
    assert rows_of(write('"a"\tb\n"x\t1\n"y"\t2\n', "f.tsv")) == [('"x', "1"), ("y", "2")]


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n3,4\n",
        "a,b\r\n1,2\r\n3,4\r\n",
        "\ufeffa,b\n1,2\n3,4",
        "\n\na,b\n\n1,2\n  \n,\n3,4\n\n",
        ' a , "b"\n1,2\n"3",4\n',
    ],
)
def test_endings_marks_and_blank_lines_change_nothing(write: Write, content: str) -> None:
    table = read_delimited(write(content, "f.csv"))
    assert table.columns == ["a", '"b"' if '"b"' in content else "b"]
    assert table.frame.rows() == [("1", "2"), ("3", "4")]


def test_a_quote_inside_an_unquoted_field_is_a_plain_character(write: Write) -> None:
    assert rows_of(write('a,b\n1,5" pipe\n2,3"\n', "f.csv")) == [("1", '5" pipe'), ("2", '3"')]


def test_a_field_may_hold_lines(write: Write) -> None:
    table = read_delimited(write('a,b\n1,"x\ny"\n2,z\n', "f.csv"))
    assert table.frame.rows() == [("1", "x\ny"), ("2", "z")]
    assert [table.line_of(row) for row in range(3)] == [2, 4, None]


def test_a_table_of_text_and_label_may_lack_its_header(write: Write) -> None:
    table = read_delimited(write("good film\t1\nbad\t0\nfine\t1\n", "f.tsv"))
    assert table.columns == ["text", "label"]
    assert table.frame.rows()[0] == ("good film", "1")
    assert table.line_of(0) == 1
    table = read_delimited(write("text\tlabel\nbad\t0\n", "f.tsv"))
    assert table.frame.rows() == [("bad", "0")]
    assert table.line_of(0) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,2\n3\n", r"line 3: expected 2 fields \(a, b\), got 1"),
        ("a,b\n1,2\n3,4,5\n", "line 3: expected 2 fields .* got 3"),
        ('a,b\n1,"x\n\ny"\n3,4,5\n', "line 5: expected 2 fields .* got 3"),
        ('a,b\n1,2\n3,"4\n5,6\n', "line 3: .*check its quotes"),
        ('a,b\n1,2\n3,"4"5\n', "line 3: .*check its quotes"),
        ("a,b\n", "rows below the header, got none"),
        ("a,b\n,\n", "rows below the header, got none"),
        (" \n\n", "only blank lines"),
        ("a,a\n1,2\n", "line 1, column 'a': expected different names"),
        ('a,"b\nc"\n1,2\n', r"line 1: expected names on one line, got 'b\\nc'"),
        (",a\n1,2\n", "line 1: expected a name for each column, got none for column 1"),
        ("1,2.5\n1,3\n", "line 1: expected a header with names, got only numbers"),
        ("a,b\rc,d\r", "line 1: .*check its quotes"),
        ("a,b\n1,2\n3,4\r5,6\n7\n", "line 3: .*check its quotes"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_their_line(
    write: Write, content: str, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read_delimited(write(content, "f.csv"))


def test_a_tsv_row_that_does_not_fit_is_refused_with_its_line(write: Write) -> None:
    with pytest.raises(DataError, match="line 3: expected 2 fields"):
        read_delimited(write('a\tb\n1\t"x\n2\ty\tz"\n', "f.tsv"))


def test_a_text_may_be_longer_than_the_csv_module_grants(write: Write) -> None:
    granted = csv.field_size_limit()
    long = "x" * (granted + 1)
    table = read_delimited(write(f"a,b\n1,{long}\n2,y\n", "f.csv"))
    assert table.frame.rows() == [("1", long), ("2", "y")]
    assert [table.line_of(row) for row in range(2)] == [2, 3]
    assert csv.field_size_limit() == granted


def test_a_known_name_is_a_header_even_if_it_comes_again(write: Write) -> None:
    assert rows_of(write("text,label\nlabel,label\n", "f.csv")) == [("label", "label")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "f.csv",
            "id;a;label\n1;0,5;u\n",
            "between commas, got 'id;a;label', where they stand .*';'",
        ),
        (
            "f.csv",
            "id\ta\n1\t2\n",
            "between tabs: save the table with commas, or rename it to .tsv",
        ),
        ("f.tsv", "id,a\n1,2\n", "between tabs, got 'id,a'.*or rename it to .csv"),
    ],
)
def test_another_separator_is_named(write: Write, name: str, content: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_delimited(write(content, name))


def test_a_column_of_texts_may_hold_other_separators(write: Write) -> None:
    assert read_delimited(write("text\na;b\n", "f.csv")).texts("text") == ["a;b"]
    assert read_delimited(write("a;b\nplain\n", "f.csv")).columns == ["a;b"]
