"""Bodies generated from the grammar of RFC 8259: every valid spelling is read, and everything else is rejected."""

from __future__ import annotations

import json
import re

import pytest
from flask.testing import FlaskClient
from hypothesis import assume, given
from hypothesis import strategies as st

from linear_regressor.serving.schema import fast_numbers
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.rows import RowReader, Signature

READERS = [RowReader(Signature(("x0",), 100), fast)
           for fast in ([False, True] if fast_numbers.FAST_PARSER_AVAILABLE else [False])]

# The grammar, rule by rule; section numbers are the RFC's.
blank = st.text(" \t\n\r", max_size=3)  # section 2: ws
integer_part = st.one_of(st.just("0"), st.from_regex(r"[1-9][0-9]{0,15}", fullmatch=True))  # section 6: int
number = st.builds("{}{}{}{}".format, st.sampled_from(["", "-"]), integer_part,
                   st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,20}", fullmatch=True)),
                   st.one_of(st.just(""), st.from_regex(r"[eE][+-]?[0-9]{1,2}", fullmatch=True)))
escape = st.from_regex(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})', fullmatch=True)  # section 7
plain = st.characters(min_codepoint=32, exclude_characters='"\\', exclude_categories=["Cs"])
string = st.lists(st.one_of(escape, plain), max_size=5).map(lambda parts: f'"{"".join(parts)}"')


def separated(items: list[str], blanks: list[str]) -> str:
    """Join items with commas and blanks."""
    return ",".join(f"{left}{item}{right}" for item, left, right in zip(items, blanks[::2], blanks[1::2], strict=False))


value = st.recursive(st.one_of(number, string, st.sampled_from(["true", "false", "null"])), lambda inner: st.one_of(
    st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
    st.lists(st.tuples(string, inner), max_size=3).map(
        lambda members: "{" + ",".join(f"{name}:{item}" for name, item in members) + "}")), max_leaves=6)
key = st.sampled_from(['"instances"', '"inst\\u0061nces"', '"\\u0069nstances"'])
rows = st.lists(number, min_size=1, max_size=8)
blanks = st.lists(blank, min_size=40, max_size=40)


@given(key=key, rows=rows, blanks=blanks)
def test_every_spelling_of_a_valid_body_is_read(key: str, rows: list[str], blanks: list[str]) -> None:
    """Blanks anywhere, escapes in the name, any spelling of a number: both readers give Python's number."""
    inner = separated([f"[{blanks[0]}{row}{blanks[1]}]" for row in rows], blanks[2:])
    body = f"{blanks[20]}{{{blanks[21]}{key}{blanks[22]}:{blanks[23]}[{inner}]{blanks[24]}}}{blanks[25]}".encode()
    expected = [[float(json.loads(row))] for row in rows]
    assume(all(is_exact(row) for row in rows))

    assert [expected] * len(READERS) == [reader.instances(body)[0].tolist() for reader in READERS]


def is_exact(text: str) -> bool:
    """Whether a number is not an integer, or one that float64 represents exactly."""
    number = json.loads(text)
    return isinstance(number, float) or float(number) == number


@given(body=value)
def test_other_json_is_rejected_for_its_content(body: str) -> None:
    """Valid JSON that breaks the contract never gets the code ``not_json``."""
    assume(not re.fullmatch(r'\s*\{"instances":\[.*', body))
    for reader in READERS:
        codes = codes_of(body, reader)

        assert codes and "not_json" not in codes


@given(body=st.one_of(value, rows.map(lambda rows: f'{{"instances":[{",".join(f"[{row}]" for row in rows)}]}}')),
       place=st.integers(0, 60), noise=st.text(st.characters(max_codepoint=127), min_size=1, max_size=3),
       cut=st.integers(0, 3))
def test_a_body_outside_the_grammar_is_not_json(body: str, place: int, noise: str, cut: int) -> None:
    """Damaged bodies get the code ``not_json`` exactly if Python's parser rejects them."""
    damaged = body[:place] + noise + body[place + cut:]
    for reader in READERS:
        assert is_json(damaged) == ("not_json" not in codes_of(damaged, reader))


def codes_of(body: str, reader: RowReader) -> list[str]:
    """Return the codes of a body's faults."""
    try:
        reader.instances(body.encode())
    except InvalidPayload as error:
        return [fault.code for fault in error.faults]
    return []


def is_json(text: str) -> bool:
    """Whether a text is JSON; NaN and Infinity, which have a code of their own, count as JSON."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


BOMBS = {
    "arrays": (b"[" * 1_000_000, 400),
    "objects": (b'{"a":' * 500_000, 400),
    "rows in rows": (b'{"instances":' + b"[" * 500_000 + b"]" * 500_000 + b"}", 400),
    "a long integer": (b'{"instances": [[' + b"9" * 1_000_000 + b"]]}", 422),
    "a long exponent": (b'{"instances": [[1e' + b"9" * 1_000_000 + b"]]}", 422),
    "a long fraction": (b'{"instances": [[0.' + b"0" * 1_000_000 + b"1]]}", 200),
    "empty rows": (b'{"instances": [' + b"[]," * 300_000 + b"[]]}", 422),
    "a long text": (b'{"instances": ["' + b"\\u0000" * 150_000 + b'"]}', 422),
    "many members": (b"{" + b",".join(b'"%d": 1' % number for number in range(90_000)) + b"}", 422),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_gets_a_response(client: FlaskClient, name: str) -> None:
    """A megabyte of nesting, digits or members gets a response, and only the valid number gets a 200."""
    body, status = BOMBS[name]

    assert status == client.post("/batch", data=body, content_type="application/json").status_code
