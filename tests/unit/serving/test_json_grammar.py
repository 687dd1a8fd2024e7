"""RFC 8259 turned into a generator: every spelling of a good body is read, every body beside the grammar refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import assume, given
from hypothesis import strategies as st

from linear_regressor.serving.schema import fast_numbers
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.rows import Decoder
from tests.running_server import RunningServer

READINGS = [False, True] if fast_numbers.FAST_PARSER_AVAILABLE else [False]

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
    """Write items with commas and blanks around them."""
    return ",".join(f"{left}{item}{right}" for item, left, right in zip(items, blanks[::2], blanks[1::2], strict=False))


value = st.recursive(st.one_of(number, string, st.sampled_from(["true", "false", "null"])), lambda inner: st.one_of(
    st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
    st.lists(st.tuples(string, inner), max_size=3).map(
        lambda members: "{" + ",".join(f"{name}:{item}" for name, item in members) + "}")), max_leaves=6)
key = st.sampled_from(['"instances"', '"inst\\u0061nces"', '"\\u0069nstances"'])
rows = st.lists(number, min_size=1, max_size=8)
blanks = st.lists(blank, min_size=40, max_size=40)


@given(key=key, rows=rows, blanks=blanks)
def test_every_spelling_of_a_good_body_is_read(key: str, rows: list[str], blanks: list[str]) -> None:
    """Blanks anywhere, escapes in the name, any way to write a number; both readings give the number Python gives."""
    inner = separated([f"[{blanks[0]}{row}{blanks[1]}]" for row in rows], blanks[2:])
    body = f"{blanks[20]}{{{blanks[21]}{key}{blanks[22]}:{blanks[23]}[{inner}]{blanks[24]}}}{blanks[25]}".encode()
    expected = [[float(json.loads(row))] for row in rows]
    assume(all(exactly_held(row) for row in rows))

    assert [expected] * len(READINGS) == [Decoder(1, 100, fast=fast).instances(body)[0].tolist() for fast in READINGS]


def exactly_held(text: str) -> bool:
    """Tell whether a number is no integer, or one that float64 can hold."""
    number = json.loads(text)
    return isinstance(number, float) or float(number) == number


@given(body=value)
def test_every_other_json_text_is_refused_by_its_content(body: str) -> None:
    """Whatever is JSON is never said not to be; what is not our contract is told by its faults."""
    assume(not re.fullmatch(r'\s*\{"instances":\[.*', body))
    for fast in READINGS:
        with pytest.raises(InvalidPayload) as refusal:
            Decoder(1, 100, fast=fast).instances(body.encode())

        assert "not_json" not in [fault.code for fault in refusal.value.faults]


@given(body=st.one_of(value, rows.map(lambda rows: f'{{"instances":[{",".join(f"[{row}]" for row in rows)}]}}')),
       place=st.integers(0, 60), noise=st.text(st.characters(max_codepoint=127), min_size=1, max_size=3),
       cut=st.integers(0, 3))
def test_a_body_beside_the_grammar_is_not_json(body: str, place: int, noise: str, cut: int) -> None:
    """Cut and changed anywhere: what Python's strict reading refuses is ``not_json``, and nothing else is."""
    damaged = body[:place] + noise + body[place + cut:]
    for fast in READINGS:
        assert is_json(damaged) == ("not_json" not in codes(damaged, fast))


def codes(body: str, fast: bool) -> list[str]:
    """Give the codes of a body's faults."""
    try:
        Decoder(1, 100, fast=fast).instances(body.encode())
    except InvalidPayload as refusal:
        return [fault.code for fault in refusal.faults]
    return []


def is_json(text: str) -> bool:
    """Tell whether a text is JSON, but for the tokens NaN and Infinity, which have a code of their own."""
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
def test_a_bomb_is_answered(client: FlaskClient, name: str) -> None:
    """Nesting, digits, members: a megabyte of anything gets an answer, and only the good number a good one."""
    body, status = BOMBS[name]

    assert status == client.post("/batch", data=body, content_type="application/json").status_code


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc to read a server's memory from")
def test_bad_bodies_do_not_make_the_server_grow(start_server: Callable[..., RunningServer]) -> None:
    """After 100 bad megabytes the worker is at most 64 MB larger than after the first ten."""
    running = start_server()
    bodies = [b"[" * 1_000_000, b'{"instances": [' + b"[1]," * 250_000 + b'["a"]]}', b'{"a": "' + b"x" * 1_000_000,
              b'{"instances": [[' + b"9" * 1_000_000 + b"]]}", b"\xff" * 1_000_000]

    def sent(times: int) -> float:
        for _ in range(times):
            for body in bodies:
                assert running.request("POST", "/batch", body)[0] in (400, 422)
        return sum(map(megabytes, descendants(running.process.pid)))

    first = sent(2)
    assert sent(20) < first + 64


def descendants(pid: int) -> list[int]:
    """Give a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def megabytes(pid: int) -> float:
    """Give the resident memory of a process."""
    status: dict[str, Any] = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024
