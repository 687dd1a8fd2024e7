"""Damaged values of Arrow and Parquet are an error, before anything reads outside of a buffer."""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from linear_regressor.errors import DataError
from linear_regressor.files.file_search import find_files
from linear_regressor.formats import registry

TEXTS = ["MARK1", "MARK2", "MARK3"]
OFFSETS = struct.pack("<4i", 0, 5, 10, 15)
FORMS = ("rows.arrows", "rows.feather", "rows.parquet")


def written(path: Path, *parts: pa.Table) -> Path:
    """Write row groups or record batches without compression."""
    if path.suffix == ".parquet":
        writer = pa.parquet.ParquetWriter(path, parts[0].schema, compression="none", use_dictionary=False,
                                          write_statistics=False)
    else:
        writer = (pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file)(str(path), parts[0].schema)
    with writer:
        for part in parts:
            writer.write_table(part)
    return path


def damaged(path: Path, good: bytes, bad: bytes) -> Path:
    """Replace some bytes, which are in the file once."""
    content = path.read_bytes()
    assert content.count(good) == 1
    path.write_bytes(content.replace(good, bad))
    return path


def read(path: Path, column: str, chosen: range | None = None) -> list[object]:
    """Read a column."""
    (file,) = find_files(str(path))
    return [value for batch in registry.of(file).batches([column], {}, chosen) for value in batch.column(0).to_pylist()]


@pytest.mark.parametrize("offsets", [(0, 5, 2**30, 2**30 + 5), (0, 5, -2**30, 15), (0, 5, 4000, 4005)],
                         ids=["beyond memory", "negative", "beyond the buffer"])
@pytest.mark.parametrize("name", FORMS[:2])
def test_offsets_outside_of_the_text_are_an_error(tmp_path: Path, name: str, offsets: tuple[int, ...]) -> None:
    """They crashed the process, or other memory was taken for text; columns that are not read do not matter."""
    path = written(tmp_path / name, pa.table({"x": [1.0, 2.0, 3.0], "note": TEXTS}))
    damaged(path, OFFSETS, struct.pack("<4i", *offsets))

    with pytest.raises(DataError, match=rf"{name}: column 'note', row 2 \(counted from 1, without the header\) is "
                                        "damaged; write the file again"):
        read(path, "note")
    assert read(path, "x") == [1, 2, 3]


@pytest.mark.parametrize("name", FORMS[:2])
@pytest.mark.parametrize("values", [["a", "b"], [1.5, 2.5]], ids=["text", "numbers"])
def test_an_index_outside_of_the_dictionary_is_an_error(tmp_path: Path, name: str, values: list[object]) -> None:
    """For text and for numbers."""
    indices = pa.array([0, 1, 1, 0, 100_000_000], pa.int32())
    column = pa.DictionaryArray.from_arrays(indices, pa.array(values), safe=False)

    with pytest.raises(DataError, match="column 'note', row 5 .* is damaged"):
        read(written(tmp_path / name, pa.table({"note": column})), "note")


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
@pytest.mark.parametrize("chosen", [None, range(1, 2)], ids=["all parts", "the second part"])
def test_text_that_is_not_utf_8_is_named_by_row(tmp_path: Path, name: str, kind: pa.DataType,
                                                chosen: range | None) -> None:
    """It was passed on to predictions; the row is that of the file, also if only some parts are read."""
    parts = [pa.table({"note": pa.array(texts, kind)}) for texts in (["a", "b", "c"], TEXTS)]
    path = damaged(written(tmp_path / name, *parts), b"MARK2", b"MAR\xff2")

    with pytest.raises(DataError, match=f"{name}: column 'note', row 5 .* is not UTF-8; write the file again"):
        read(path, "note", None if name == "rows.arrows" else chosen)


@pytest.mark.parametrize("column", [
    pa.array(["a", *TEXTS]).dictionary_encode(), pa.array([TEXTS]), pa.array([{"a": text} for text in TEXTS])],
    ids=["dictionary", "list", "struct"])
@pytest.mark.parametrize("name", FORMS)
def test_text_inside_other_types_is_checked_too(tmp_path: Path, name: str, column: pa.Array) -> None:
    """The values of a dictionary have no rows."""
    path = damaged(written(tmp_path / name, pa.table({"note": column})), b"MARK2", b"MAR\xff2")

    with pytest.raises(DataError, match="column 'note'.* is not UTF-8"):
        read(path, "note")
