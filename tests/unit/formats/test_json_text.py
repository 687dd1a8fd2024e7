"""Objects are found wherever the text is cut into pieces."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor.formats import json_text
from linear_regressor.formats.json_text import InvalidJson, split_objects

VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text("ab\\\"{}[],:\n\té"),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a\\\"{"), inner, max_size=3))
ROWS = st.lists(st.dictionaries(st.text("a\\\"{]"), VALUES, max_size=3), max_size=5)


def cut(text: bytes, size: int) -> Iterator[bytes]:
    """Cut text into pieces."""
    return (text[start:start + size] for start in range(0, len(text), size))


def objects(text: bytes, size: int = 1 << 20) -> list[bytes]:
    """Divide text that is cut into pieces."""
    return list(itertools.chain.from_iterable(split_objects(cut(text, size))))


@given(ROWS, st.integers(1, 40), st.sampled_from(["lines", "array", "indented", "one after another"]), st.booleans())
def test_objects_are_those_that_were_written(rows: list[dict[str, object]], size: int, form: str, marked: bool) -> None:
    """In every form, with a byte order mark or without, wherever the pieces end."""
    text = {"lines": "\r\n \n".join(map(json.dumps, rows)), "array": json.dumps(rows, ensure_ascii=False),
            "indented": json.dumps(rows, indent=1),
            "one after another": "\n".join(json.dumps({"a": "}", **row}, indent=2) for row in rows)}[form]
    found = [json.loads(each) for each in objects(b"\xef\xbb\xbf" * marked + text.encode(), size)]

    assert found == ([{"a": "}", **row} for row in rows] if form == "one after another" else rows)


@pytest.mark.parametrize(("text", "before", "reason"), [
    (b'[{"a": 1} {"a": 2}]', 1, "there is no comma before it"),
    (b'[{"a": 1}, {"a": 2}', 2, "the text ends before the end of the array"),
    (b'[{"a": 1}] {"a": 2}', 1, "text follows the end of the array"),
    (b"[", 0, "the text ends before the end of the array")])
@pytest.mark.parametrize("size", [3, 1000])
def test_an_array_that_is_none_is_rejected_after_its_objects(text: bytes, before: int, reason: str, size: int) -> None:
    """So that the row can be named."""
    found: list[bytes] = []
    with pytest.raises(InvalidJson, match=reason):
        for each in split_objects(cut(text, size)):
            found += each
    assert len(found) == before


@pytest.mark.parametrize("text", ['[{"a": "%s"}]', '{"a": "%s"}\n', '{\n"a": "%s"}\n'])
def test_an_object_has_a_largest_length(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text is held in memory; one that is shorter may be longer than a piece."""
    monkeypatch.setattr(json_text, "MOST_OBJECT_BYTES", 1 << 12)
    assert len(objects((text % ("x" * 4000)).encode(), 100)) == 1
    with pytest.raises(InvalidJson, match="it is longer than"):
        objects((text % ("x" * 20_000)).encode(), 100)


@pytest.mark.parametrize("text", ["[" * 20_000, '[{"a": "' + "x" * 20_000, "{\n" * 10_000],
                         ids=["depth", "text", "lines"])
def test_a_long_object_is_searched_once_up_to_the_limit(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Piece by piece: a search takes several times the memory of its text."""
    searched: list[int] = []
    quotes = json_text._quotes
    monkeypatch.setattr(json_text, "MOST_OBJECT_BYTES", 1 << 12)
    monkeypatch.setattr(json_text, "FIRST_BYTES", 10)

    def counted(content: NDArray[np.uint8]) -> NDArray[np.intp]:
        searched.append(len(content))
        return quotes(content)

    monkeypatch.setattr(json_text, "_quotes", counted)

    with pytest.raises(InvalidJson, match="it is longer than"):
        objects(text.encode(), 100)
    assert max(searched) <= 102
    assert sum(searched) <= 1 << 13


def test_text_after_an_array_is_rejected_where_a_piece_ends_with_the_array() -> None:
    """It was not looked at."""
    with pytest.raises(InvalidJson, match="text follows the end of the array"):
        list(split_objects([b'[{"a": 1}]', b"{}"]))


@pytest.mark.parametrize("text", [b'{"a": 1}', b'[{"a": 1}]', b'{\n"a": 1}'])
def test_blanks_before_the_text_are_dropped_piece_by_piece(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not kept: more of them than an object may have bytes are no fault."""
    monkeypatch.setattr(json_text, "MOST_OBJECT_BYTES", 1 << 12)

    assert [json.loads(each) for each in objects(b" \n\t\r" * 5000 + text + b"\n" * 20_000, 100)] == [{"a": 1}]
