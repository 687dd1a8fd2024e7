"""The formats by what the options or the names of files say."""

from __future__ import annotations

from linear_regressor.errors import SettingError
from linear_regressor.files.locations import File, ending
from linear_regressor.formats import first_bytes, text_stream
from linear_regressor.formats.arrow_formats import Feather, Parquet
from linear_regressor.formats.csv_format import Csv
from linear_regressor.formats.file_format import Format
from linear_regressor.formats.json_format import Json
from linear_regressor.formats.partitioned import Partitioned

FORMATS: tuple[type[Format], ...] = (Csv, Parquet, Feather, Json)
# What to do about files of some other endings, which are no text.
OTHERS = {**dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"), first_bytes.SHEET),
          **dict.fromkeys((".xz", ".7z", ".rar", ".lz4", ".tar", ".tgz"), first_bytes.UNPACK),
          **dict.fromkeys((".sqlite", ".db", ".h5", ".hdf5", ".npy", ".npz", ".avro", ".orc", ".pkl", ".sav", ".dta"),
                          first_bytes.EXPORT)}


def of(file: File) -> Format:
    """Return a file in the format that ``--input-format`` names, else in that of the ending of its name."""
    form = _format(file)(file)
    return Partitioned(file, form) if file.folder_columns else form


def kind(file: File) -> str:
    """Return the name of the format of a file."""
    return _format(file).kinds[0]


def telling_name(file: File) -> str:
    """Return the name of a file, with the ending of the format that it is read in if that is another one."""
    name, chosen = file.path.rpartition("/")[2], file.reading.input_format
    try:
        if chosen is None or _by_ending(file) is _named(chosen):
            return name
    except SettingError:  # its ending is of no format
        pass
    compression = name[len(name) - len(file.ending):] if file.ending in text_stream.COMPRESSED else ""
    return f"{name.removesuffix(compression)}.{chosen}{compression}"


def _format(file: File) -> type[Format]:
    """Find the format of a file."""
    found = _named(file.reading.input_format) if file.reading.input_format is not None else _by_ending(file)
    if not found.text and ending(file.path) in text_stream.COMPRESSED:
        raise SettingError(f"{file.name}: only text can be read from a compressed file; decompress it first")
    return found


def _named(kind: str) -> type[Format]:
    """Return the format of a name."""
    for form in FORMATS:
        if kind in form.kinds:
            return form
    raise SettingError(f"--input-format must be one of {', '.join(kind for form in FORMATS for kind in form.kinds)}, "
                       f"not {kind!r}")


def _by_ending(file: File) -> type[Format]:
    """Return the format of an ending; compressed text has two."""
    for name in text_stream.inner_names(file):
        for form in FORMATS:
            if ending(name) in form.endings:
                return form
    *endings, last = (known for form in FORMATS for known in form.endings)
    raise SettingError(f"{file.name} must end in {', '.join(endings)} or {last}, for text also with "
                       f"{', '.join(text_stream.COMPRESSED)} after it; "
                       f"{OTHERS.get(file.ending, '--input-format names the format of other files')}")
