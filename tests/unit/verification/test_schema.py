"""``Schema``: the file that people review."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linear_regressor.errors import ArtefactError
from linear_regressor.model.histogram import Histogram
from linear_regressor.model.moments import Moments
from linear_regressor.verification.schema import Column, Reference, Schema

COLUMNS = (Column("id", "number", role="key"),
           Column("age", "number", "years", 0.0, 120.0, 0.01, role="feature"),
           Column("sex", "category", categories=("f", "m")), Column("no", "flag"), Column("1", "text"),
           Column("score", "number", role="target"))
REFERENCE = Reference(4, ("age", "score"), Moments.from_arrays([[1.0], [2.0], [4.0]], [0.1, 1 / 3, 2.0]),
                      {"age": Histogram(np.array([1.5, 3.0]), np.array([1, 1, 1]))}, {"age": 1, "score": 0},
                      {"sex": {"f": 1, "m": 3}}, {"age": 1.0}, {"age": 4.0},
                      Moments.from_arrays([[0.2], [0.8]], [0.4, 0.6]), ("no",))
SCHEMA = Schema(COLUMNS, REFERENCE, {"increasing": ["age"]}, {"leakage": "error"})


def test_a_file_keeps_every_bit(tmp_path: Path) -> None:
    """Also names that YAML would read as a flag or as a number."""
    SCHEMA.save(tmp_path / "schema.yaml")
    loaded = Schema.load(tmp_path / "schema.yaml")
    assert loaded.to_plain() == SCHEMA.to_plain()
    assert loaded.columns == COLUMNS
    assert loaded.severity == {"leakage": "error"}
    assert loaded.reference is not None and loaded.reference.moments == REFERENCE.moments
    assert loaded.reference.ranks == REFERENCE.ranks


def test_an_older_file_without_ranks_and_constant_columns_keeps_its_digest() -> None:
    """It has no entry for them."""
    plain = SCHEMA.to_plain()
    del plain["reference"]["ranks"], plain["reference"]["constant"]
    older = Schema.from_plain(plain)
    assert older.reference is not None and (older.reference.ranks, older.reference.constant) == (None, None)
    assert older.to_plain() == plain


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    """Comments and layout do not matter; a limit does."""
    path = tmp_path / "schema.yaml"
    path.write_text(SCHEMA.to_yaml().replace("# ", "# a comment on ").replace("kind: number", "kind:   number"))
    with_limit = path.read_text().replace("maximum: 120.0", "maximum: 121.0", 1)
    assert Schema.load(path).digest == SCHEMA.digest
    path.write_text(with_limit)
    assert Schema.load(path).digest != SCHEMA.digest


def test_what_was_observed_is_beside_each_column() -> None:
    """For whoever reviews the file."""
    text = SCHEMA.to_yaml()
    assert "  unit: years\n" in text
    assert "  # observed: 1 to 4; 1 of 4 missing\n" in text


def test_a_file_written_by_hand_needs_columns_only(tmp_path: Path) -> None:
    """A reference and behaviour are optional."""
    path = tmp_path / "schema.yaml"
    path.write_text("format: 1\ncolumns:\n- {name: age, kind: number, minimum: 0}\n")
    assert Schema.load(path).columns == (Column("age", "number", minimum=0.0),)


@pytest.mark.parametrize(("content", "reason"), [
    (b"columns: []\nformat: 1\ncolumns:\n- {name: age, kind: number}\n", "line 3 has the key 'columns' again"),
    (b"format: 1\ncleaning:\n- map: {column: age, values: {1: 2,\n    1.0: 3}}\n", "line 4 has the key '1.0' again"),
    (b"a: [1\n", "it is not YAML"), (b"a: {[1]: 2}\n", "it is not YAML"), (b"a: \xff\n", "can't decode"),
    (b"a: 2026-13-45\n", "month must be in 1..12"), (b"a: !!python/object:os.system {}\n", "it is not YAML")])
def test_a_file_that_is_no_plain_yaml_is_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    """Also one with a key twice, of which YAML would keep the last."""
    path = tmp_path / "schema.yaml"
    path.write_bytes(content)
    with pytest.raises(ArtefactError) as raised:
        Schema.load(path)
    assert str(raised.value).startswith(f"cannot use the schema {path}: ") and "\n" not in str(raised.value)
    assert reason in str(raised.value)


def test_aliases_and_merged_keys_are_no_repetition(tmp_path: Path) -> None:
    """A key of a merged mapping may be given anew."""
    path = tmp_path / "schema.yaml"
    path.write_text("format: 1\ncolumns:\n- &age {name: age, kind: number, minimum: 0}\n- {<<: *age, name: weight}\n")
    assert [column.name for column in Schema.load(path).columns] == ["age", "weight"]
    assert {column.minimum for column in Schema.load(path).columns} == {0.0}


def one(**declared: Any) -> dict[str, Any]:
    """A schema of one column."""
    return {"format": 1, "columns": [{"name": "age", "kind": "number", **declared}]}


@pytest.mark.parametrize(("plain", "reason"), [
    ({**one(), "severity": {"leak": "error"}}, "severity: unknown check 'leak'; use category-shift"),
    ({**one(), "severity": {"unit": "off"}}, "severity of unit must be error, warning or ignore, not 'off'"),
    ({**one(), "severity": ["unit"]}, "severity must be a mapping of checks"),
    ([], "not a schema"), ({"columns": []}, "has no 'format'"), ({"format": 2, "columns": []}, "format 2"),
    ({"format": 1, "columns": []}, "names no column"), ({**one(), "more": 1}, "unknown key 'more'"),
    ({"format": 1, "columns": [{"name": True, "kind": "number"}]}, "column 1 has no name"),
    ({"format": 1, "columns": one()["columns"] * 2}, "names column 'age' twice"),
    (one(kind="int"), "column 'age': kind must be one of number, category, text, time, flag, not 'int'"),
    (one(role="label"), "role must be one of feature, target, key, time"), (one(minumum=1), "unknown key 'minumum'"),
    (one(minimum="0"), "column 'age': minimum must consist of numbers"), (one(minimum=2, maximum=1), "is larger than"),
    (one(minimum=float("nan")), "must be finite"), (one(missing=1.5), "missing must be a share"),
    (one(missing=float("nan")), "must be finite"),
    (one(kind="text", maximum=1), "only a column of kind number"), (one(categories=["a"]), "only a column of kind cat"),
    (one(kind="category", categories=[1]), "must be a list of strings"),
    (one(kind="text", role="target"), "the target must be of kind number"), (one(unit=1), "unit must be a string"),
    ({**one(), "behaviour": []}, "behaviour is not a mapping"), ({**one(), "reference": {}}, "reference has no"),
])
def test_an_unusable_schema_says_what_is_wrong(plain: Any, reason: str) -> None:
    """In the words of the file."""
    with pytest.raises(ArtefactError, match=reason):
        Schema.from_plain(plain)


@pytest.mark.parametrize(("changed", "reason"), [
    ({"numbers": ["age"]}, "moments are of 2 columns, but numbers names 1"), ({"rows": 1.5}, "rows must be a whole"),
    ({"bins": {"age": {"edges": [2.0, 1.0], "counts": [1, 1, 1]}}}, "bins of 'age': .* increasing"),
    ({"missing": {1: 2}}, "missing must be a mapping of names"), ({"minimum": {"age": None}}, "minimum of 'age'"),
    ({"rows": 0}, "rows must be from 1 to"), ({"missing": {"age": 5}}, "missing of 'age' must be at most .* 4, not 5"),
    ({"categories": {"sex": {"f": 2, "m": 3}}}, "categories of 'sex' must be at most .* 4, not 5"),
    ({"bins": {"age": {"edges": [2.0], "counts": [4, 1]}}}, "bins of 'age' must be at most .* 4, not 5"),
    ({"minimum": {}}, "column 'age' needs both a minimum and a maximum"),
    ({"minimum": {"age": 5.0}}, "minimum and maximum of 'age' must be finite and in order"),
    ({"maximum": {"age": float("inf")}}, "minimum and maximum of 'age' must be finite and in order"),
    ({"rows": 2, "missing": {}, "categories": {}, "bins": {}}, "n of moments must be from 1 to the number of rows, 2"),
    ({"ranks": {"n": 2.0, "m": [0.5, 1.5], "C": [[0.1, 0.0], [0.0, 0.1]]}}, "ranks must be those of numbers from 0")])
def test_an_unusable_reference_says_what_is_wrong(changed: dict[str, Any], reason: str) -> None:
    """Each part is checked."""
    plain = SCHEMA.to_plain()
    with pytest.raises(ArtefactError, match=reason):
        Schema.from_plain({**plain, "reference": {**plain["reference"], **changed}})


@pytest.mark.parametrize(("content", "reason"), [
    (b"a: [", "not YAML"), (b"\xff\xfe\xff", "can't decode|codec"), (b"!!python/object/apply:os.getcwd []", "not YAML"),
    (b"format: 1\ncolumns: [{name: a, kind: text}]\nbehaviour: {at: 2026-01-01}\n", "JSON"),
    (b"[" * 3000, "recursion"), (b"&a [*a]", "not a schema"), (b"", "not a schema")])
def test_an_unreadable_file_is_one_line_with_its_name(tmp_path: Path, content: bytes, reason: str) -> None:
    """No traceback, and no object of Python is made."""
    path = tmp_path / "schema.yaml"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match=reason) as caught:
        Schema.load(path)
    assert str(caught.value).startswith(f"cannot use the schema {path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("end", [
    "columns: [{name: a, kind: text}]\n", "columns: [{name: a, kind: *a8}]\n",
    "columns: [{name: a, kind: text, <<: *a8}]\n", "columns: *a8\n"], ids=["behaviour", "kind", "merged", "columns"])
def test_a_small_file_of_many_aliases_takes_no_memory(tmp_path: Path, end: str) -> None:
    """A kilobyte that stands for 10^9 values."""
    path = tmp_path / "schema.yaml"
    lists = [f"  a{level}: &a{level} [{', '.join([f'*a{level - 1}' if level else 'x'] * 10)}]\n" for level in range(9)]
    path.write_text(f"format: 1\nbehaviour:\n{''.join(lists)}{end}")
    tracemalloc.start()
    try:
        with pytest.raises(ArtefactError, match="its aliases repeat more than 1,000,000 values"):
            Schema.load(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_aliases_may_be_used(tmp_path: Path) -> None:
    """As people use them, to write something once."""
    path = tmp_path / "schema.yaml"
    path.write_text("format: 1\ncolumns:\n- &number {name: a, kind: number, minimum: 0}\n- {<<: *number, name: b}\n")
    assert Schema.load(path).columns == (Column("a", "number", minimum=0.0), Column("b", "number", minimum=0.0))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(ArtefactError, match="No such file or directory.*--learn"):
        Schema.load(tmp_path / "none.yaml")
