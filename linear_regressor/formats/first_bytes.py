"""What a file is by its first bytes, and what to do about one that is not what its name says."""

from __future__ import annotations

import re

from linear_regressor.errors import DataError
from linear_regressor.files.locations import File
from linear_regressor.formats import remedies

# How many bytes tell what a file is; in workbooks the name of a part tells it, which may come late.
FIRST_BYTES = 1 << 16
SHEET = "save the sheet as CSV"
UNPACK = "unpack it"
EXPORT = "export its table as CSV or Parquet"
PARQUET = "starts as Parquet does: read it with --input-format parquet"
FEATHER = "starts as Arrow does: read it with --input-format feather"
COMPRESSED = "is compressed: save it under a name that ends in "
# First bytes, as a regular expression, and what they say. The first row that matches decides.
STARTS = tuple((re.compile(pattern, re.DOTALL | re.IGNORECASE), said) for pattern, said in (
    (rb"PAR1", PARQUET),
    (rb"ARROW1|FEA1|\xff{4}", FEATHER),
    (rb"PK\x03\x04.*(?:xl/(?:workbook|worksheets|_rels|sharedstrings|styles|theme)|opendocument\.spreadsheet)",
     f"is a workbook, such as of Excel: {SHEET}"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"is an Excel workbook, or another old Office document: {SHEET}"),
    (rb"\x1f\x8b", f"{COMPRESSED}.gz"),
    (rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)", f"{COMPRESSED}.bz2"),
    (rb"\x28\xb5\x2f\xfd", f"{COMPRESSED}.zst"),
    (rb"PK(?:\x03\x04|\x05\x06)", f"{COMPRESSED}.zip"),
    (rb"\xfd7zXZ\0", f"is an xz archive: {UNPACK}"),
    (rb"7z\xbc\xaf\x27\x1c", f"is a 7z archive: {UNPACK}"),
    (rb"Rar!\x1a\x07", f"is a RAR archive: {UNPACK}"),
    (rb"\x04\x22\x4d\x18", f"is an lz4 archive: {UNPACK}"),
    (rb"SQLite format 3\0", f"is an SQLite database: {EXPORT}"),
    (rb"\x89HDF\r\n\x1a\n", f"is an HDF5 file: {EXPORT}"),
    (rb"\x93NUMPY", f"is a NumPy array: {EXPORT}"),
    (rb"Obj\x01", f"is an Avro file: {EXPORT}"),
    (rb"ORC[\x00-\x1f]", f"is an ORC file: {EXPORT}"),
    (rb"%PDF-", f"is a PDF document: {EXPORT}"),
    (rb"version https://git-lfs\.", "is a pointer of Git LFS, not the data: fetch them with git lfs pull"),
    (rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html\b)",
     "is an HTML page, such as of an error or of a login: download the data again"),
    (rb"(?:\xef\xbb\xbf)?\s*<\?xml\b", f"is an XML document: {EXPORT}"),
))
JSON = (re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*(?:\{|\Z)|\{\s*(?:"|\Z))'),
        "starts as JSON does: read it with --input-format json")
# Bytes that text does not have.
CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def said_of(start: bytes, json: bool = True) -> str | None:
    """Say what content is and what to do, after the name of its file; None for delimited text, or JSON if allowed."""
    return next((said for pattern, said in (*STARTS, *[JSON] * json) if pattern.match(start)), None)


def require_text(file: File, start: bytes, json: bool = True) -> None:
    """Reject content of another format than delimited text; ``json`` says whether JSON is rejected, too."""
    if said := said_of(start, json):
        raise DataError(f"{file.name} {said}")


def not_binary(file: File, start: bytes, name: str) -> DataError:
    """Return an error for content that is not of a binary format."""
    if not start:
        return DataError(f"{file.name} is empty: write it again")
    said = said_of(start) or ("is text: read it with --input-format csv" if is_text(start) else
                              f"is not {name}: {remedies.DAMAGED}")
    return DataError(f"{file.name} {said}")


def is_text(start: bytes) -> bool:
    """Whether content is text in an encoding, of which UTF-16 and UTF-32 have bytes 0."""
    return bool(start) and (start.startswith(tuple(remedies.MARKS)) or not CONTROLS.search(start))
