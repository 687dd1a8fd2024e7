"""Every type of Arrow that can be a number is one, in Parquet, Feather and streams."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from linear_regressor.errors import DataError
from tests.data_sets import source

FORMS = ("parquet", "feather", "stream.arrows", "zstd.arrow", "lz4.feather")


def written(path: Path, table: pa.Table) -> Path:
    """Write a file of one of the forms."""
    if path.suffix == ".parquet":
        pa.parquet.write_table(table, path)
    elif path.name.endswith("stream.arrows") or path.name.endswith("zstd.arrow"):
        options = pa.ipc.IpcWriteOptions(compression="zstd" if "zstd" in path.name else None)
        with pa.ipc.new_stream(str(path), table.schema, options=options) as stream:
            stream.write_table(table, max_chunksize=2)
    else:
        pa.feather.write_feather(table, str(path), compression="lz4" if "lz4" in path.name else "uncompressed")
    return path


def blocks(path: Path, **options: Any) -> np.ndarray[Any, Any]:
    """Read features and target."""
    return np.vstack([block.copy() for part in source(path, "x", **options).partitions() for block in part.blocks()])


NUMBERS = {
    "text by reference": pa.array(["1", "2.5", " 0"], pa.string_view()),
    "large text": pa.array(["1", "2.5", "0"], pa.large_string()),
    "dictionary of numbers": pa.array([1.0, 2.5, 0.0]).dictionary_encode(),
    "dictionary of text": pa.array(["1", "2.5", "0"]).dictionary_encode(),
    "decimal128": pa.array([Decimal(1), Decimal("2.50"), Decimal(0)], pa.decimal128(38, 20)),
    "decimal256": pa.array([Decimal(1), Decimal("2.50"), Decimal(0)], pa.decimal256(70, 40)),
    "float16": pa.array(np.array([1, 2.5, 0], np.float16)), "float32": pa.array([1, 2.5, 0], pa.float32())}
WHOLE = {
    "flags": pa.array([True, False, True]), "uint64": pa.array([1, 0, 1], pa.uint64()),
    "int8": pa.array([1, 0, 1], pa.int8()), "flags as int8": pa.array([1, 0, 1], pa.int8()),
    "extension": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, 1], pa.int8()))}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [*NUMBERS, *WHOLE])
def test_a_type_that_can_be_a_number_is_one(tmp_path: Path, form: str, name: str) -> None:
    """As a feature and as the target, with nested columns and equal names beside them."""
    values = {**NUMBERS, **WHOLE}[name]
    expected = [1.0, 2.5, 0.0] if name in NUMBERS else [1.0, 0.0, 1.0]
    table = pa.table([values, values, pa.array([[1], None, []]), pa.array([{"a": 1}] * 3), pa.array([1] * 3)],
                     ["x", "y", "l", "l", "s"])
    np.testing.assert_array_equal(blocks(written(tmp_path / f"a.{form}", table)), np.column_stack([expected] * 2))


def test_runs_are_numbers(tmp_path: Path) -> None:
    """Parquet has none."""
    runs = pa.RunEndEncodedArray.from_arrays([1, 3], pa.array([1.5, 2.0]))
    path = written(tmp_path / "a.stream.arrows", pa.table({"x": runs, "y": [1, 2, 3]}))
    np.testing.assert_array_equal(blocks(path)[:, 0], [1.5, 2.0, 2.0])


@pytest.mark.parametrize("text", ["0.1", "123456789012345678901234567.89", "0.00000000000000000001",
                                  "9007199254740993.5"])
def test_decimals_are_the_nearest_float(tmp_path: Path, text: str) -> None:
    """As their text is in CSV."""
    path = written(tmp_path / "a.parquet", pa.table({"x": pa.array([Decimal(text)], pa.decimal256(60, 25)), "y": [1]}))
    assert blocks(path)[0, 0] == float(text)


@pytest.mark.parametrize("where", ["x > 1", "x > 1.5"])
@pytest.mark.parametrize("name", ["dictionary of numbers", "decimal128", "float16", "float32"])
def test_a_filter_compares_them(tmp_path: Path, where: str, name: str) -> None:
    """With whole numbers, too."""
    path = written(tmp_path / "a.feather", pa.table({"x": NUMBERS[name], "y": [1, 2, 3]}))
    np.testing.assert_array_equal(blocks(path, where=where), [[2.5, 2.0]])


@pytest.mark.parametrize("values", [
    pa.array(["7", "8", "é"], pa.string_view()), pa.array(["7", "8", "é"], pa.large_string()),
    pa.array(["7", "8", "é"]).dictionary_encode()], ids=lambda each: str(each.type))
@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_hashed_by_its_text(tmp_path: Path, form: str, values: pa.Array) -> None:
    """In every type of text."""
    def hashes(name: str, keys: pa.Array) -> list[int]:
        table = pa.table({"k": keys, "x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})
        (part,) = source(written(tmp_path / name, table), "x", key="k").partitions()
        return [value for _, found in part.hashed_blocks() for value in found.tolist()]

    assert hashes(f"a.{form}", values) == hashes("b.parquet", pa.array(["7", "8", "é"]))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("values", "fault"), [
    ([[1]], "of type list<"), ([{"a": 1}], "of type struct<"), ([b"1"], "of type binary, not numbers"),
    ([date(2024, 1, 1)], "such as days since a date"),
    ([datetime(2024, 1, 1)], "such as days since a date"),
    (pa.array([2**64 - 1], pa.uint64()), "row 1 (counted from 1, without the header) is not a number that float64 can"),
    (pa.array([2**53 + 1]).dictionary_encode(), "row 1 (counted from 1, without the header) is not a number that")])
def test_other_types_are_named(tmp_path: Path, form: str, values: Any, fault: str) -> None:
    """With the column, and the remedy for times."""
    path = written(tmp_path / f"a.{form}", pa.table({"x": values, "y": [1.0]}))
    with pytest.raises(DataError) as caught:
        blocks(path)
    assert "column 'x'" in str(caught.value) and fault in str(caught.value)


def parquet() -> bytes:
    """Write Parquet in memory."""
    pa.parquet.write_table(pa.table({"x": [1.0], "y": [1.0]}), content := io.BytesIO())
    return content.getvalue()


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("a.parquet", parquet()[:-9], "its end is missing; copy or write it again"),
    ("a.parquet", parquet()[:-4] + b"PARE", "it is encrypted; decrypt it first"),
    ("a.feather", b"FEA1" + bytes(40), "it is Feather version 1; write it again as version 2")])
def test_a_file_of_another_format_says_which(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    """The first bytes tell."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        blocks(tmp_path / name)
    assert reason in str(caught.value) and str(caught.value).startswith(f"{tmp_path / name} cannot be read as ")
