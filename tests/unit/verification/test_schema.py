"""``Schema``: the file that people review."""

from __future__ import annotations

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
                      {"sex": {"f": 1, "m": 3}}, {"age": 1.0}, {"age": 4.0})
SCHEMA = Schema(COLUMNS, REFERENCE, {"increasing": ["age"]})


def test_a_file_keeps_every_bit(tmp_path: Path) -> None:
    """Also names that YAML would read as a flag or as a number."""
    SCHEMA.save(tmp_path / "schema.yaml")
    loaded = Schema.load(tmp_path / "schema.yaml")
    assert loaded.to_plain() == SCHEMA.to_plain()
    assert loaded.columns == COLUMNS
    assert loaded.reference is not None and loaded.reference.moments == REFERENCE.moments


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


def one(**declared: Any) -> dict[str, Any]:
    """A schema of one column."""
    return {"format": 1, "columns": [{"name": "age", "kind": "number", **declared}]}


@pytest.mark.parametrize(("plain", "reason"), [
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
    ({"missing": {1: 2}}, "missing must be a mapping of names"), ({"minimum": {"age": None}}, "minimum of 'age'")])
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


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(ArtefactError, match="No such file or directory.*--learn"):
        Schema.load(tmp_path / "none.yaml")
