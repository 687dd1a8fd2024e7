"""Files that are not what their names say: the first bytes tell what they are, and the message what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from linear_regressor.errors import DataError
from linear_regressor.files.file_search import find_files
from linear_regressor.formats import registry

TEXT = b"x,y\n1,2\n"
TABLE = pa.table({"x": [1.0]})


def zipped(*names: str) -> bytes:
    """Write a zip archive with some members."""
    with zipfile.ZipFile(stream := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, TEXT * 100)
    return stream.getvalue()


def written(write: Callable[..., object], *arguments: object) -> bytes:
    """Return what a function writes to a stream."""
    stream = io.BytesIO()
    write(*(stream if argument is io.BytesIO else argument for argument in arguments))
    return stream.getvalue()


def database() -> bytes:
    """Return the bytes of an SQLite database."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE r (x)")
        return connection.serialize()


WORKBOOK = zipped("[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "xl/workbook.xml", "xl/worksheets/s1.xml")
CONTENTS = {
    "Parquet": (written(parquet.write_table, TABLE, io.BytesIO),
                "starts as Parquet does: read it with --input-format parquet"),
    "Feather": (written(feather.write_feather, TABLE, io.BytesIO),
                "starts as Arrow does: read it with --input-format feather"),
    "workbook": (WORKBOOK, "is a workbook, such as of Excel: save the sheet as CSV"),
    "ods": (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "is a workbook"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an Excel workbook.*: save the sheet as CSV"),
    "zip": (zipped("rows.csv"), "is compressed: save it under a name that ends in .zip"),
    "gzip": (gzip.compress(TEXT), "is compressed: save it under a name that ends in .gz"),
    "bz2": (bz2.compress(TEXT, 1), "is compressed: save it under a name that ends in .bz2"),
    "zstd": (pa.Codec("zstd").compress(TEXT, asbytes=True), "is compressed: save it under a name that ends in .zst"),
    "xz": (lzma.compress(TEXT), "is an xz archive: unpack it"),
    "SQLite": (database(), "is an SQLite database: export its table as CSV or Parquet"),
    "NumPy": (written(np.save, io.BytesIO, np.ones(3)), "is a NumPy array: export"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n", "is a pointer of Git LFS"),
    "HTML": (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html><body>No access</body></html>", "is an HTML page"),
    "XML": (b'<?xml version="1.0"?>\n<rows/>', "is an XML document: export"),
}


def fault_of(path: Path, content: bytes) -> str:
    """Write a file, and return why its columns cannot be read."""
    path.write_bytes(content)
    (file,) = find_files(str(path))
    with pytest.raises(DataError) as caught:
        registry.of(file).all_names()
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize("name", ["r.csv", "r.txt", "r.json", "r.ndjson", "r.parquet", "r.feather"])
@pytest.mark.parametrize("content", CONTENTS)
def test_content_of_another_format_is_recognised(tmp_path: Path, name: str, content: str) -> None:
    """Whatever the name."""
    stored, message = CONTENTS[content]
    if name != f"r.{content.lower()}":
        assert re.match(f" {message}", fault_of(tmp_path / name, stored))


@pytest.mark.parametrize(("name", "content", "message"), [
    ("r.csv", b'[{"x": 1}]', "starts as JSON does: read it with --input-format json"),
    ("r.parquet", b'{"x": 1}\n', "starts as JSON does: read it with --input-format json"),
    ("r.parquet", TEXT, "is text: read it with --input-format csv"),
    ("r.arrow", "ä;b\n".encode("cp1252"), "is text: read it with --input-format csv"),
    ("r.parquet", TEXT.decode().encode("utf-16"), "is text: read it with --input-format csv"),
    ("r.parquet", b"\0\1\2\3", "is not Parquet: it is damaged or in another format"),
    ("r.feather", b"", "is empty: write it again"),
    *((f"r.csv{ending}", TEXT, f"is not compressed: leave {ending} out of its name")
      for ending in (".gz", ".bz2", ".zst", ".zip")),
    *((f"r.csv{ending}", bz2.compress(TEXT), "is compressed: save it under a name that ends in .bz2")
      for ending in (".gz", ".zst", ".zip")),
    ("r.ndjson.bz2", gzip.compress(TEXT), "is compressed: save it under a name that ends in .gz"),
    ("r.csv.gz", lzma.compress(TEXT), "is an xz archive: unpack it"),
    ("r.csv.gz", gzip.compress(TEXT)[:12], "cannot be decompressed as gz: "),
    ("r.csv.zip", zipped("r.csv")[:50], "cannot be decompressed as zip: ")])
def test_a_name_that_says_something_else_is_an_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """Text, JSON and compressed text of another kind; a damaged file is none of them."""
    assert fault_of(tmp_path / name, content).startswith(f" {message}")


@pytest.mark.parametrize("header", [b"BZh,y", b"ORC,y", b"PAR,y", b"PK,y", b"<x>,y", b"version,y", b"Obj,y"])
def test_a_header_that_only_starts_alike_is_read(tmp_path: Path, header: bytes) -> None:
    """Names are no first bytes of a format."""
    path = tmp_path / "r.csv"
    path.write_bytes(header + b"\n1,2\n")
    (file,) = find_files(str(path))

    assert registry.of(file).names() == header.decode().split(",")
