"""``Words``: the values of a column as words of 64 bits, the same for the same value in every format."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.data.columns import NUMBER_TEXT
from linear_regressor.data.splitting import START, Hashes, finish, mix
from linear_regressor.errors import DataError
from linear_regressor.files.reading import Reading
from linear_regressor.formats.text_values import without_missing
from linear_regressor.formats.value_types import FLOAT64_WHOLE, is_text, plain

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The word of a missing value: NaN, which no number has.
MISSING = np.uint64(0x7FF8000000000000)
# Combined with the microseconds of a time, so that no number near them has the same word.
TIME = np.uint64(0xF5A1C93B52D7E86D)
WHOLE_FORM = re.compile(r"[+-]?[0-9]+")
TIME_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
                       r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9:]{5})?)?")
# Times of which PyArrow and Python read the same.
PLAIN_TIME = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?$"
# Texts that are a missing value or a number, in lower case.
KNOWN = {"": MISSING, "nan": MISSING, "-nan": MISSING,
         **{text: np.float64(text).view(np.uint64) for text in ("inf", "-inf")}}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Words:
    """One word for each value of a column, or two where float64 and times are too narrow, as for text."""

    first: Hashes
    second: Hashes | None = None
    # which values have a second word
    wide: Mask | None = None


def hash_rows(columns: Sequence[Words], rows: int) -> tuple[Hashes, Hashes]:
    """Hash rows as ``splitting.hash_values`` does, and return the sums of the states, too."""
    h = np.full(rows, START)
    states, high = np.zeros(rows, np.uint64), np.empty(rows, np.uint64)
    for words in columns:
        h ^= words.first
        mix(h, high)
        states += h
        if words.second is not None and words.wide is not None:
            places = np.flatnonzero(words.wide)
            further = h[places] ^ words.second[places]
            mix(further, high[:len(places)])
            h[places] = further
            states[places] += further
    finish(h, high)
    return h, states


def words_of(column: pa.Array, where: str, reading: Reading = Reading()) -> Words:
    """Bring a column to its canonical values."""
    column = plain(column)
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        column = column.cast(pa.string())
    if is_text(column.type):
        return _texts(without_missing(column, reading) if is_text(kind) else column)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _times(column)
    if pa.types.is_integer(kind):
        return _integers(column)
    if pa.types.is_floating(kind):
        return Words(_floats(_array(column if pa.types.is_float64(kind) else column.cast(pa.float64()))))
    raise DataError(f"{where} holds values of type {kind}; a data digest needs numbers, text, true or false, or times")


def _integers(column: pa.Array) -> Words:
    """Represent integers exactly: by the float64 value, and what it lacks, if anything."""
    whole = _array(column.fill_null(0) if column.null_count else column)
    near = whole.astype(np.float64)
    first = _floats(near)
    if column.null_count:
        first[_array(column.is_null())] = MISSING
    if whole.itemsize < 8 or not len(whole) or whole.min() >= -FLOAT64_WHOLE and whole.max() <= FLOAT64_WHOLE:
        return Words(first)
    # Modulo 2**64, so that the difference is right at the ends of 64 bits, too.
    nearest = np.where(near >= 2.0**63, near - 2.0**64, near).astype(np.int64).astype(np.uint64)
    second = whole.astype(np.uint64) - nearest
    return Words(first, second, second != 0)


def _times(column: pa.Array) -> Words:
    """Represent times by their microseconds since 1970; those without a zone are UTC."""
    kind = pa.timestamp("ns" if getattr(column.type, "unit", None) == "ns" else "us", getattr(column.type, "tz", None))
    counts = column.cast(kind).cast(pa.int64())
    micro = _array(counts.fill_null(0) if counts.null_count else counts) // (1000 if kind.unit == "ns" else 1)
    words = micro.view(np.uint64) ^ TIME
    if column.null_count:
        words[_array(column.is_null())] = MISSING
    return Words(words)


def _floats(numbers: Array) -> Hashes:
    """Represent numbers by the bits of float64; zero has one sign, and NaN is missing."""
    numbers = numbers + 0.0
    words = numbers.view(np.uint64)
    empty = np.isnan(numbers)
    if empty.any():
        words[empty] = MISSING
    return words


def _texts(column: pa.Array) -> Words:
    """Represent text: that of numbers or times at once, else each distinct text once."""
    from pyarrow import compute as pc

    bare = pc.utf8_trim_whitespace(column)
    blank = pc.fill_null(pc.equal(bare, ""), True)
    bare = pc.if_else(blank, pa.scalar(None, bare.type), bare)
    try:
        numbers = _array(bare.cast(pa.float64()))
    except pa.ArrowInvalid:
        return _plain_times(bare) or _distinct(column)
    first = _floats(numbers)
    # Longer integers, and whatever PyArrow but not Python reads as a number.
    places = np.flatnonzero(~(np.abs(numbers) < FLOAT64_WHOLE) & ~_array(blank))
    if not len(places):
        return Words(first)
    found = _distinct(column.take(pa.array(places)))
    second, wide = np.zeros(len(column), np.uint64), np.zeros(len(column), bool)
    first[places] = found.first
    if found.second is not None and found.wide is not None:
        second[places], wide[places] = found.second, found.wide
    return Words(first, second, wide)


def _plain_times(bare: pa.Array) -> Words | None:
    """Represent text if all of it is times without a zone."""
    from pyarrow import compute as pc

    if not pc.all(pc.match_substring_regex(bare, PLAIN_TIME)).as_py():
        return None
    try:
        return _times(bare.cast(pa.timestamp("us")))
    except pa.ArrowInvalid:  # such as 30 February
        return None


def _distinct(column: pa.Array) -> Words:
    """Represent each distinct text once."""
    encoded = column.fill_null("").dictionary_encode()
    distinct = [_text(text) for text in encoded.dictionary.to_pylist()]
    places = _array(encoded.indices)
    first, second = (np.array([word[place] or 0 for word in distinct], np.uint64)[places] for place in (0, 1))
    return Words(first, second, np.array([word[1] is not None for word in distinct], bool)[places])


def _text(text: str) -> tuple[int, int | None]:
    """Represent one text: as the number, the time or the missing value that it reads as, else by its hash."""
    bare = text.strip()
    if (known := KNOWN.get(bare.lower())) is not None:
        return int(known), None
    if bare[0] in "+-.0123456789":
        if re.match(NUMBER_TEXT, bare):
            return _number(bare)
        if TIME_FORM.fullmatch(bare) and (micro := _microseconds(bare)) is not None:
            return micro % 2**64 ^ int(TIME), None
    content = bare.lower() if bare in ("True", "False") else text
    hashed = hashlib.blake2b(content.encode(), digest_size=16).digest()
    return int.from_bytes(hashed[:8], "little"), int.from_bytes(hashed[8:], "little")


def _number(bare: str) -> tuple[int, int | None]:
    """Represent a number, an integer of 64 bits exactly."""
    near = float(bare) + 0.0
    lacking = 0
    if WHOLE_FORM.fullmatch(bare) and len(bare) < 21 and -2**63 <= int(bare) < 2**64:
        lacking = (int(bare) - int(near)) % 2**64
    return int(np.float64(near).view(np.uint64)), lacking or None


def _microseconds(bare: str) -> int | None:
    """Convert a time in ISO format to microseconds since 1970; None for no such day."""
    try:
        moment = datetime.fromisoformat(bare)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // timedelta(microseconds=1)


def _array(column: pa.Array) -> NDArray[Any]:
    """Return a column as an array, with NaN for null numbers; one without nulls is not copied."""
    whole = not column.null_count and not pa.types.is_boolean(column.type)
    values: NDArray[Any] = np.from_dlpack(column) if whole else column.to_numpy(zero_copy_only=False)
    return values
