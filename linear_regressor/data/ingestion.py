"""Copy the files of a data set into a folder, so that all later steps read the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from linear_regressor.errors import DataError, SettingError
from linear_regressor.files.addresses import access_errors
from linear_regressor.files.conventions import folder_path
from linear_regressor.files.locations import File, Folder, Locations
from linear_regressor.formats import first_bytes, registry
from linear_regressor.output_file import write_file

PIECE = 1 << 20  # bytes


def ingest(data: Locations | str, folder: Folder) -> tuple[File, ...]:
    """Copy every file of a data set, each in one step, and return the files that were copied."""
    data = Locations.of(data)
    files = data.files()
    for file in files:
        registry.of(file)  # rejects an unknown format
        if data.read_once and data.reading.input_format is None:
            _require_text(file)
    # Files of several folders can have one name; a number keeps them apart and in order.
    names = {f"{folder_path(file.folder_columns)}{number:06d}-{registry.telling_name(file)}": file
             for number, file in enumerate(files)}
    if any(data.matches(folder.filesystem, f"{folder.path}/{name}") for name in names):
        raise SettingError(f"{folder.name} is inside the data: the next run would read the copies, too")
    if others := [name for name in folder.names() if name not in names]:
        raise SettingError(f"{folder.name} has other files, such as {others[0]}; give an empty folder")
    for name, file in names.items():
        folder.put(name, partial(copy_file, file))
    return files


def _require_text(file: File) -> None:
    """Reject standard input that is not text, which it is taken for."""
    with access_errors(file.name), file.filesystem.open_input_stream(file.path, compression=None) as data:
        first_bytes.require_text(file, data.read(first_bytes.FIRST_BYTES))


def copy_file(file: File, path: Path) -> None:
    """Copy one file, which must not change meanwhile."""
    def write(output: BinaryIO) -> None:
        output.writelines(_pieces(file))
        if output.tell() != file.size:
            raise DataError(f"{file.name} changed while it was copied: {output.tell()} bytes instead of {file.size}")

    write_file(path, write)


def _pieces(file: File) -> Iterator[bytes]:
    """Read a file as it is, also if its name says that it is compressed."""
    with access_errors(file.name), file.filesystem.open_input_stream(file.path, compression=None) as data:
        while piece := data.read(PIECE):
            yield piece
