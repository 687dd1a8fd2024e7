"""CSV is divided at the ends of rows and parsed in pieces, to the same values as in one piece."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.errors import DataError
from linear_regressor.files.file_search import find_files
from linear_regressor.formats import csv_format, file_format
from linear_regressor.formats.csv_text import Dialect
from tests import data_sets

COMMAS = Dialect(b",", b'"')
VALUES = ["plain", "", "NA", '"a"', '"a,b"', '"a ""word"""', '"line\nbreak"', '"\r"', '"\r\n"', '7" wide', 'a"b"c"',
          '""', '""""', "\ufeffa", "é"]
NAMES = ["note", '"no\nte"', '"a ""word"", and"']


def row_ends(text: bytes) -> list[int]:
    """Find all ends of rows, byte by byte; a CR that ends the text may be followed by LF, so it ends no row."""
    ends, start, quoted, place = [], True, False, 0
    while place < len(text):
        byte, following = text[place:place + 1], text[place + 1:place + 2]
        if quoted:
            if byte == following == b'"':
                place += 1
            elif byte == b'"':
                quoted = False
        elif byte == b"\n" or byte == b"\r" and following not in (b"\n", b""):
            ends.append(place + 1)
        elif byte == b'"' and start:
            quoted = True
        start = byte in (b",", b"\r", b"\n") and not quoted
        place += 1
    return ends


@given(st.text('",\n\ra', max_size=60).map(str.encode))
def test_a_block_ends_where_a_row_ends(text: bytes) -> None:
    """Whatever the quotes and line ends; no row is looked for after the last LF outside quotes."""
    ends, found = row_ends(text), COMMAS.scan(text)[0]

    assert text.count(b'"') == COMMAS.count_quotes(text)
    assert found in ends if ends else found == 0
    assert not any(text[end - 1:end] == b"\n" for end in ends if end > found)


@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=40), st.sampled_from(["\n", "\r\n", "\r"]),
       st.sampled_from(NAMES), st.integers(1, 300), st.booleans())
def test_blocks_of_any_size_give_the_same_rows(tmp_path_factory: pytest.TempPathFactory, notes: list[str], end: str,
                                               name: str, size: int, ended: bool) -> None:
    """Those that PyArrow reads from the whole file."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    lines = [f"x,{name}", *(f"{place},{note}" for place, note in enumerate(notes))]
    path.write_bytes((end.join(lines) + end * ended).encode())
    whole = pa.csv.read_csv(io.BytesIO(path.read_bytes()), parse_options=pa.csv.ParseOptions(newlines_in_values=True),
                            convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(
                                ["x", "note", "no\nte", 'a "word", and'], pa.string())))
    form, (file,) = csv_format.Csv, find_files(str(path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_format, "BLOCK_BYTES", size)
        names = form(file).names()
        batches = list(form(file).batches(names, dict.fromkeys(names, pa.string()), None))

    assert whole.column_names == names
    assert whole.to_pylist() == [row for batch in batches for row in batch.to_pylist()]
    # A block has at most two rests, each shorter than a row and the byte after it, and two pieces.
    longest = max(len((line + end).encode()) for line in lines[1:])
    rows = sum(len((line + end).encode()) for line in lines[1:])
    assert len(batches) > 1 or rows <= 2 * (longest + 1 + size)


@pytest.mark.parametrize(("fault", "message"), [
    ("1,2", "has 2 values, but the header has 3 names"),
    ("1,a,z", "is not a number"), ("\ufeff1,2,z", "is not a number"),
], ids=["missing column", "a word", "byte order mark"])
@pytest.mark.parametrize("place", [*range(1, 9), 2999])
def test_a_fault_in_any_block_is_named_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, message: str,
                                              place: int) -> None:
    """Counted from the start of the file, empty lines aside; only the file may start with a byte order mark."""
    monkeypatch.setattr(file_format, "BLOCK_BYTES", 24)  # four rows: some faults are in the first row of a block
    monkeypatch.setattr(file_format, "SAMPLE_BYTES", 24)  # else a fault in it shows when the header is read
    path = tmp_path / "rows.csv"
    path.write_text("x,y,z\n\n" + "1,2,z\n" * (place - 1) + fault + "\n" + "1,2,z\n" * 9)

    with pytest.raises(DataError, match=rf"row {place} \(counted from 1, without the header\):? {message}"):
        for part in data_sets.source(path, "x").partitions():
            list(part.blocks())


def test_empty_lines_before_the_header_are_skipped(tmp_path: Path) -> None:
    """Also in a table of one column, where later ones are rows with a missing value."""
    (tmp_path / "rows.csv").write_text("\n\r\nx1\n1\n\n3\n")
    (part,) = data_sets.source(tmp_path / "rows.csv", "x1", None).partitions()

    np.testing.assert_array_equal([[1.0], [np.nan], [3.0]], next(part.blocks()))


@given(st.text('",\n\ra', max_size=60).map(str.encode), st.integers(1, 20))
def test_a_text_is_scanned_in_pieces(text: bytes, size: int) -> None:
    """Each is scanned alone, with the state that the one before has left: the last end of a row is the same."""
    found, read, before = 0, 0, b""
    for start in range(0, len(text), size):
        piece = text[start:start + size]
        end, following = COMMAS.scan(before + piece)
        if end and end >= len(before):
            found = read + end - len(before)
        read, before = read + len(piece), following

    assert found in (row_ends(text) or [0])
    assert found >= COMMAS.scan(text)[0]


@pytest.mark.parametrize(("start", "message"), [
    ('3,"4\n' + "5,6\n" * 1000, r"row 2 \(counted from 1, without the header\) has an unclosed quote"),
    ("3," + "0" * 4000, "a row is longer than 0 MB"), ("3," + '""' * 2000, "a row is longer than 0 MB")],
    ids=["unclosed quote", "digits", "quotes"])
def test_a_row_that_is_too_long_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str,
                                                       message: str) -> None:
    """Text is scanned once, in pieces, and only up to the limit of a row: a piece after it is not even read."""
    scanned: list[int] = []
    scan = Dialect.scan
    monkeypatch.setattr(csv_format, "MOST_BLOCK_BYTES", 2000)
    monkeypatch.setattr(file_format, "BLOCK_BYTES", 100)
    monkeypatch.setattr(file_format, "SAMPLE_BYTES", 100)

    def counted(self: Dialect, text: bytes) -> tuple[int, bytes]:
        scanned.append(len(text))
        return scan(self, text)

    monkeypatch.setattr(Dialect, "scan", counted)
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n" + start + "7,8\n" * 100_000)

    with pytest.raises(DataError, match=message):
        for part in data_sets.source(tmp_path / "rows.csv", "x", "y").partitions():
            list(part.blocks())
    assert max(scanned) <= 300
    assert sum(scanned) <= 4 * 4000
