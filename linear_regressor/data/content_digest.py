"""Name a data set by its content: a digest of its rows that no file format, order or compression changes.

The name protects against accidents, such as a changed value, a lost row or a repeated file. It does not protect against
someone who builds rows to collide: sums of hashes can be attacked with less effort than the hash itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.data import diagnosis, formats, locations
from linear_regressor.data.columns import NUMBER_TEXT, is_text, require_unique
from linear_regressor.data.locations import File
from linear_regressor.errors import DataError

# A value is a tag, two words of 64 bits for a number, or 128 bits of BLAKE2b for text.
MISSING, NUMBER, TEXT, TIME = range(4)
VALUE = np.dtype([("tag", "u1"), ("first", "<u8"), ("second", "<u8")])
WHOLE_FORM = re.compile(r"[+-]?[0-9]+")
TIME_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
                       r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9:]{5})?)?")
NOT_A_NUMBER, INFINITE = {"nan", "-nan"}, {"inf", "-inf"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The most digits of an integer that float64 represents whatever they are.
EXACT_DIGITS = 15


@dataclass(frozen=True)
class Content:
    """What ``data show`` tells of a data set."""

    digest: str
    rows: int
    # types by column, as the first file has them; those of CSV are text
    types: dict[str, str]
    # names and bytes of the files
    files: dict[str, int]


def read_content(location: str) -> Content:
    """Read every column of every row once, in memory that does not grow with the rows."""
    files = locations.find_files(location)
    names, kinds = _columns(files[0])
    total, rows = 0, 0
    for file in files:
        try:
            form = formats.of(file)
            types = {} if form.typed else dict.fromkeys(names, pa.string())
            require_unique(names, found := form.names(), file.name)
            if further := sorted(set(found) - set(names)):
                raise DataError(f"{file.name} has a column {further[0]!r}, which {files[0].name} does not have")
            for batch in form.batches(names, types, None, None):
                total += _hash_rows(batch, file)
                rows += batch.num_rows
        except diagnosis.CONTENT as error:
            raise DataError(f"{file.name} cannot be read as {file.ending[1:]}: {error}") from None
    text = "".join(f"{len(name.encode())}:{name}" for name in names)
    head = f"{rows} {len(names)} {text} ".encode()
    digest = hashlib.sha256(head + (total % 2**256).to_bytes(32, "little")).hexdigest()
    return Content(f"sha256:{digest}", rows, kinds, {file.name: file.size for file in files})


def _columns(file: File) -> tuple[list[str], dict[str, str]]:
    """Read the sorted names of the columns, and their types in the order of the file."""
    try:
        schema = formats.of(file).schema()
    except diagnosis.CONTENT as error:
        raise DataError(f"{file.name} cannot be read as {file.ending[1:]}: {error}") from None
    require_unique(schema.names, schema.names, file.name)
    return sorted(schema.names), {field.name: str(field.type) for field in schema}


def _hash_rows(batch: pa.RecordBatch, file: File) -> int:
    """Add up the hashes of the rows as integers of 256 bits."""
    if not batch.num_rows:
        return 0
    values = np.empty((batch.num_rows, batch.num_columns), VALUE)
    for place, name in enumerate(batch.schema.names):
        values[:, place] = _values(batch.column(name), f"{file.name}: column {name!r}")
    content, width = memoryview(values.tobytes()), values.itemsize * batch.num_columns
    hashes = b"".join(hashlib.blake2b(content[start:start + width], digest_size=32).digest()
                      for start in range(0, len(content), width))
    words = np.frombuffer(hashes, "<u4").reshape(-1, 8).sum(axis=0, dtype=np.uint64)
    return sum(int(word) << 32 * place for place, word in enumerate(words))


def _values(column: pa.Array, where: str) -> NDArray[np.void]:
    """Bring a column to its canonical values."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        column = column.cast(pa.string())
    if is_text(column.type):
        return _texts(column)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _words(column, TIME, lambda filled: filled.cast(pa.timestamp("us")).cast(pa.int64()))
    if pa.types.is_integer(kind):
        return _words(column, NUMBER, lambda filled: filled)
    if pa.types.is_floating(kind):
        return _floats(column)
    raise DataError(f"{where} holds values of type {kind}; a data digest needs numbers, text, true or false, or times")


def _words(column: pa.Array, tag: int, convert: Callable[[pa.Array], pa.Array]) -> NDArray[np.void]:
    """Represent integers exactly: the float64 value, and what it lacks."""
    from pyarrow import compute as pc

    whole = np.asarray(pc.fill_null(convert(column), 0))
    near = whole.astype(np.float64)
    # Modulo 2**64, so that the difference is right at the ends of 64 bits, too.
    nearest = np.where(near >= 2.0**63, near - 2.0**64, near).astype(np.int64).astype(np.uint64)
    values = np.zeros(len(whole), VALUE)
    values["tag"], values["first"] = tag, near.view(np.uint64)
    values["second"] = whole.astype(np.uint64) - nearest
    values[np.asarray(column.is_null())] = np.zeros((), VALUE)
    return values


def _floats(column: pa.Array) -> NDArray[np.void]:
    """Represent numbers by the bits of float64; zero has one sign, and NaN is missing."""
    numbers = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False)) + 0.0
    values = np.zeros(len(numbers), VALUE)
    values["tag"], values["first"] = NUMBER, numbers.view(np.uint64)
    values[np.isnan(numbers)] = np.zeros((), VALUE)
    return values


def _texts(column: pa.Array) -> NDArray[np.void]:
    """Represent text: at once if all of it is short numbers, else each distinct text once."""
    from pyarrow import compute as pc

    trimmed = pc.utf8_trim_whitespace(column)
    short = pc.and_(pc.match_substring_regex(trimmed, NUMBER_TEXT), pc.invert(
        pc.match_substring_regex(trimmed, rf"^[+-]?[0-9]{{{EXACT_DIGITS + 1},}}$")))
    if not column.null_count and pc.all(short).as_py():
        try:
            return _floats(trimmed.cast(pa.float64()))
        except pa.ArrowInvalid:  # such as a plus sign, which Arrow does not read
            pass
    encoded = pc.fill_null(column, "").dictionary_encode()
    distinct = np.array([_text(text) for text in encoded.dictionary.to_pylist()], VALUE)
    values: NDArray[np.void] = distinct[np.asarray(encoded.indices)]
    return values


def _text(text: str) -> tuple[int, int, int]:
    """Represent one text: as the number, the time or the missing value that it reads as, else by its hash."""
    bare = text.strip()
    if not bare or bare.lower() in NOT_A_NUMBER:
        return MISSING, 0, 0
    if re.match(NUMBER_TEXT, bare) or bare.lower() in INFINITE:
        near = float(bare) + 0.0
        exact = WHOLE_FORM.fullmatch(bare) and len(bare) < 21 and -2**63 <= int(bare) < 2**64
        return NUMBER, _bits(near), (int(bare) - int(near)) % 2**64 if exact else 0
    if TIME_FORM.fullmatch(bare):
        try:
            moment = datetime.fromisoformat(bare)
        except ValueError:
            pass
        else:
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            micro = (moment - EPOCH) // timedelta(microseconds=1)
            return TIME, _bits(float(micro)), (micro - int(float(micro))) % 2**64
    known = bare.lower() if bare in ("True", "False") else text
    hashed = hashlib.blake2b(known.encode(), digest_size=16).digest()
    return TEXT, int.from_bytes(hashed[:8], "little"), int.from_bytes(hashed[8:], "little")


def _bits(number: float) -> int:
    """Return the 64 bits of a number."""
    return int(np.float64(number).view(np.uint64))
