"""What the names of files and folders mean by convention: no data, a table format, or a column."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

from linear_regressor.errors import DataError

# Hadoop, Spark and EMR write _SUCCESS, _metadata, .part.crc and part_$folder$; macOS writes .DS_Store and __MACOSX;
# Windows writes Thumbs.db and desktop.ini; office programs and editors write ~$name and name~.
HIDDEN = re.compile(r"\..*|_[^=]*", re.DOTALL)
NO_DATA = re.compile(r".*\.(crc|md5|sha1|sha256|sha512)|.*_\$folder\$|(md5|sha1|sha256|sha512)sums?(\.txt)?"
                     r"|(readme|licen[cs]e)(\.(md|txt|rst|html|pdf))?|thumbs\.db|desktop\.ini|~\$.*|.*~",
                     re.DOTALL | re.IGNORECASE)
# Parquet files of these tables include rows that the table has removed.
TABLES = {"Delta table": re.compile(r"(.*/)?_delta_log(/.*)?", re.DOTALL),
          "Hudi table": re.compile(r"(.*/)?\.hoodie(/.*)?", re.DOTALL),
          "Iceberg table": re.compile(r"(.*/)?metadata/[^/]*\.metadata\.json", re.DOTALL)}
MISSING_FOLDER = "__HIVE_DEFAULT_PARTITION__"

FolderColumns = tuple[tuple[str, str | None], ...]


def is_skipped(path: str) -> bool:
    """Whether a path below the location is hidden, or is a marker, a checksum, a README or a backup instead of data."""
    names = path.split("/")
    return any(map(HIDDEN.fullmatch, names)) or NO_DATA.fullmatch(names[-1]) is not None


def require_no_table(path: str, name_of: Callable[[str], str], leads_into: Callable[[str], bool] = bool) -> None:
    """Reject a path that is metadata of a table format if the glob leads into the table, which the message names."""
    for kind, metadata in TABLES.items():
        match = metadata.fullmatch(path)
        table = (match[1] or "").rstrip("/") if match else ""
        if match and (not table or leads_into(table)):
            raise DataError(f"{name_of(table)} is {'an' if kind.startswith('I') else 'a'} {kind}: its Parquet files "
                            "include rows that were removed; export the rows with a tool that reads the table, and use "
                            "that copy")


def folder_columns(path: str, name: str) -> FolderColumns:
    """Return the columns that the folders of a path below the location add, such as ``day=1``."""
    columns: dict[str, str | None] = {}
    for folder in path.split("/")[:-1]:
        column, equals, value = folder.partition("=")
        if not equals or not column:
            continue
        column = unquote(column)
        if column in columns:
            raise DataError(f"{name} has two folders for the column {column!r}; name the inner folder as the location")
        columns[column] = None if value == MISSING_FOLDER else unquote(value)
    return tuple(columns.items())


def folder_path(columns: FolderColumns) -> str:
    """Return the path of the folders that add some columns, with a slash at its end unless it is empty."""
    return "".join(f"{quote(name, safe=' ')}={MISSING_FOLDER if value is None else quote(value, safe=' ')}/"
                   for name, value in columns)
