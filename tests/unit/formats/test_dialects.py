"""Any delimiter, encoding, compression and quoting of a table gives the same rows."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.errors import DataError, SettingError
from linear_regressor.files.file_search import find_files
from linear_regressor.files.locations import File, Locations
from linear_regressor.files.reading import Reading
from linear_regressor.formats import csv_header, file_format, registry, text_stream

TEXT = "x,y\n1,é\n2,b\n"
ROWS = [{"x": "1", "y": "é"}, {"x": "2", "y": "b"}]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1", "shift_jis",
             "utf-7"]


def file_of(path: Path, content: bytes, reading: Reading = Reading()) -> File:
    """Write a file, and find it with its options."""
    path.write_bytes(content)
    (file,) = Locations((str(path),), reading).files()
    return file


def rows_of(file: File) -> list[dict[str, object]]:
    """Read all columns of a file as text."""
    form = registry.of(file)
    names = form.names()
    return [row for batch in form.batches(names, dict.fromkeys(names, pa.string()), None) for row in batch.to_pylist()]


def zipped(**members: bytes) -> bytes:
    """Make a zip archive; a dot in a member's name is written as two underscores."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return content.getvalue()


def zstandard(content: bytes) -> bytes:
    """Compress by Zstandard."""
    compressed: bytes = pa.compress(content, "zstd", asbytes=True)
    return compressed


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard, ".zip": lambda data: zipped(r__csv=data)}


@given(table=st.lists(st.lists(st.text("ab1 é\",;\t|'\n", max_size=5).map(str.strip), min_size=3, max_size=3),
                      min_size=1, max_size=12),
       names=st.lists(st.sampled_from(["x", "note", "a b", "é", "", "x"]), min_size=3, max_size=3),
       separator=st.sampled_from([",", ";", "\t", "|", " ", "  \t"]), quote=st.sampled_from(['"', "'"]),
       end=st.sampled_from(["\n", "\r\n", "\r"]),
       encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
       compression=st.sampled_from(["", *COMPRESSIONS]), size=st.integers(1, 200))
def test_a_table_is_the_same_in_every_dialect(tmp_path_factory: pytest.TempPathFactory, table: list[list[str]],
                                              names: list[str], separator: str, quote: str, end: str, encoding: str,
                                              compression: str, size: int) -> None:
    """Every value is quoted, so it can hold anything; the delimiter comes from the header."""
    lines = [separator.join(quote + value.replace(quote, quote * 2) + quote for value in line)
             for line in [names, *table]]
    content = (end.join(lines) + end).encode(encoding)
    stored = COMPRESSIONS[compression](content) if compression else content
    reading = Reading(encoding=encoding, quote=quote, delimiter="blanks" if separator.isspace() and separator != "\t"
                      else None)
    form = registry.of(file_of(tmp_path_factory.mktemp("rows") / f"r.csv{compression}", stored, reading))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_format, "BLOCK_BYTES", size)
        patch.setattr(file_format, "SAMPLE_BYTES", size)
        assert names == form.names()
        first = {name: place for place, name in reversed(list(enumerate(names)))}
        batches = list(form.batches(list(first), dict.fromkeys(first, pa.string()), None))

    assert [[row[place] for place in first.values()] for row in table] == [
        list(row.values()) for batch in batches for row in batch.to_pylist()]


@given(header=st.sampled_from(["x,y", '"x",y', '"x","y"', "é,y", '"é\n,a",y']), bom=st.booleans(),
       end=st.sampled_from(["\n", "\r\n", "\r"]), size=st.integers(1, 40), rows=st.integers(0, 4))
def test_no_row_is_lost_wherever_pieces_end(tmp_path_factory: pytest.TempPathFactory, header: str, bom: bool, end: str,
                                            size: int, rows: int) -> None:
    """At the end of the header, inside a CR LF, a byte order mark, a letter or a quoted value."""
    lines = [header, *(f'{row},"é"' for row in range(rows))]
    content = b"\xef\xbb\xbf" * bom + (end.join(lines) + end).encode()
    file = file_of(tmp_path_factory.mktemp("rows") / "r.csv", content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_format, "BLOCK_BYTES", size)
        patch.setattr(file_format, "SAMPLE_BYTES", size)
        found = rows_of(file)

    assert [[str(row), "é"] for row in range(rows)] == [list(row.values()) for row in found]


@pytest.mark.parametrize("length", [*range(65_530, 65_540), *range(2**20 - 3, 2**20)])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_header_may_end_where_a_piece_ends(tmp_path: Path, length: int, end: str) -> None:
    """The first piece of a header has 65,536 bytes, and that of the rows 1 MB."""
    header = "x," + "z" * (length - 2 - len(end)) + end
    file = file_of(tmp_path / "r.csv", f"{header}1,a{end}2,b{end}".encode())

    assert ["1", "2"] == [row["x"] for row in rows_of(file)]


@pytest.mark.parametrize(("header", "names"), [
    ("x", ["x"]), ("x,y", ["x", "y"]), ("x;y", ["x", "y"]), ("x\ty", ["x", "y"]), ("x|y", ["x", "y"]),
    ("x y  z", ["x", "y", "z"]), ("  x y ", ["x", "y"]), ('"x y"', ["x y"]),
    ("size (a, b);x;y", ["size (a, b)", "x", "y"]),
    ('"a;b;c",x', ["a;b;c", "x"]), ("a;b|c", ["a;b|c"]), ("a b,c", ["a b", "c"]), ("a,b,,", ["a", "b", "", ""]),
    ("a,a", ["a", "a"]), ('x y"z', ["x", 'y"z']), ('"a""b",c', ['a"b', "c"]), ("sep=;\na,b;c", ["a,b", "c"]),
    ("sep=,\r\na;b,c;d;e", ["a;b", "c;d;e"]),
])
def test_the_header_decides_the_delimiter(tmp_path: Path, header: str, names: list[str]) -> None:
    """The most frequent outside quotes; a comma if there are as many of another; blanks if there is no other."""
    assert names == registry.of(file_of(tmp_path / "r.txt", f"{header}\n".encode())).names()


@pytest.mark.parametrize(("delimiter", "text"), [
    ("tab", "x,1\ty\n"), ("blanks", "x,1   y\n"), (":", "x,1:y\n"), (",", "x,1,y\n"), ("tab", "sep=;\nx,1\ty\n")])
def test_an_option_decides_over_the_header(tmp_path: Path, delimiter: str, text: str) -> None:
    """Whatever the header or its first line suggests."""
    names = registry.of(file_of(tmp_path / "r.csv", text.encode(), Reading(delimiter=delimiter))).names()

    assert (["x", "1", "y"] if delimiter == "," else ["x,1", "y"]) == names


def test_a_ragged_row_is_never_a_text_column(tmp_path: Path) -> None:
    """Rows do not change the delimiter."""
    file = file_of(tmp_path / "r.csv", b"x;y\n1,2\n3,4\n")

    with pytest.raises(pa.ArrowInvalid, match="Expected 2 columns, got 1"):
        rows_of(file)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1 << 20])
def test_every_encoding_is_decoded_in_pieces(tmp_path: Path, encoding: str, size: int) -> None:
    """Pieces end inside characters."""
    text = TEXT.replace("é", "ア" if encoding == "shift_jis" else "é")
    file = file_of(tmp_path / "r.csv", text.encode(encoding), Reading(encoding=encoding))

    assert text.encode() == b"".join(text_stream.pieces(file, size))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-8"])
def test_a_byte_order_mark_is_left_out(tmp_path: Path, encoding: str) -> None:
    """Also where Python's codec takes it for a character."""
    file = file_of(tmp_path / "r.csv", ("\ufeff" + TEXT).encode(encoding), Reading(encoding=encoding))

    assert ROWS == rows_of(file)


@pytest.mark.parametrize(("content", "encoding", "message"), [
    (TEXT.encode("utf-16"), "utf-8", "has the byte order mark of utf-16: try --encoding utf-16"),
    (TEXT.encode("utf-32"), "utf-8", "has the byte order mark of utf-32: try --encoding utf-32"),
    (TEXT.encode("utf-16-le"), "utf-8", "try --encoding utf-16-le"),
    (TEXT.encode("utf-16-be"), "utf-8", "try --encoding utf-16-be"),
    (TEXT.encode("cp1252"), "utf-8", "byte 7 (0xe9) is not utf-8: try --encoding cp1252"),
    ("é,y\n1,2\n".encode("cp1252"), "utf-8", "byte 1 (0xe9) is not utf-8: try --encoding cp1252"),
    (TEXT.encode(), "ascii", "byte 7 (0xc3) is not ascii: try another --encoding"),
    (TEXT.encode("utf-16") + b"a", "utf-16", "byte 27 (0x61) is not utf-16: try another --encoding"),
])
def test_text_in_another_encoding_is_an_error(tmp_path: Path, content: bytes, encoding: str, message: str) -> None:
    """With the file, the byte and what to do."""
    file = file_of(tmp_path / "r.csv", content, Reading(encoding=encoding))

    with pytest.raises(DataError) as caught:
        rows_of(file)

    assert str(caught.value).startswith(f"{file.name}") and str(caught.value).endswith(message)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_compressed_text_is_read_and_its_rows_are_estimated(tmp_path: Path, compression: str) -> None:
    """By the ending; of NDJSON, too."""
    text = ("x,y\n" + "".join(f"{row},{row % 7}\n" for row in range(20_000))).encode()
    form = registry.of(file_of(tmp_path / f"r.csv{compression}", COMPRESSIONS[compression](text)))

    assert [20_000] == [sum(batch.num_rows for batch in form.batches(["y"], {"y": pa.float64()}, None))]
    assert form.parts()[0] == pytest.approx(20_000, rel=0.5)
    assert "ndjson" == registry.kind(file_of(tmp_path / f"r.ndjson{compression}", b""))


@pytest.mark.parametrize("compression", [".gz", ".bz2", ".zst"])
def test_compressed_files_may_be_concatenated(tmp_path: Path, compression: str) -> None:
    """As ``cat`` does."""
    compress = COMPRESSIONS[compression]

    assert ROWS == rows_of(file_of(tmp_path / f"r.csv{compression}", compress(TEXT[:6].encode()) + compress(
        TEXT[6:].encode())))


@pytest.mark.parametrize(("compression", "damage"), [
    (compression, damage) for compression in COMPRESSIONS for damage in ("cut", "changed", "other")
    if (compression, damage) != (".zst", "changed")])  # PyArrow writes no checksum
def test_a_damaged_compressed_file_is_an_error(tmp_path: Path, compression: str, damage: str) -> None:
    """It is never read as a shorter one."""
    whole = COMPRESSIONS[compression]("".join(f"{row},{row ** 3 % 77}\n" for row in range(9_000)).encode())
    middle = len(whole) // 2
    changed = bytes(byte ^ 255 for byte in whole[middle:middle + 9])
    content = {"cut": whole[:-9], "changed": whole[:middle] + changed + whole[middle + 9:],
               "other": b"\0x,y\n1,2\n"}[damage]
    file = file_of(tmp_path / f"r.csv{compression}", content)

    with pytest.raises(DataError, match=f"r.csv{compression} cannot be decompressed as {compression[1:]}: "):
        list(text_stream.pieces(file))


@pytest.mark.parametrize(("members", "message"), [
    ({"folder/": b""}, "must have one file in it, not 0"),
    ({"a__csv": b"x\n", "b__csv": b"x\n"}, "not 2: a.csv, b.csv")])
def test_a_zip_archive_has_one_member(tmp_path: Path, members: dict[str, bytes], message: str) -> None:
    """Else it is not clear which one is meant."""
    with pytest.raises(DataError, match=message):
        rows_of(file_of(tmp_path / "r.csv.zip", zipped(**members)))


def test_the_member_of_a_zip_archive_decides_the_format(tmp_path: Path) -> None:
    """What macOS adds does not count."""
    path = tmp_path / "export.2026.zip"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("in/rows.tsv", b"x\ty\n1\t2\n")
        written.writestr("__MACOSX/in/._rows.tsv", b"\0")
    (file,) = find_files(str(path))
    assert [{"x": "1", "y": "2"}] == rows_of(file)


def test_an_encrypted_archive_is_an_error(tmp_path: Path) -> None:
    """The bit for encryption is set in the header of the member and in the directory."""
    content = bytearray(zipped(r__csv=b"x\n1\n"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1

    with pytest.raises(DataError, match=r"r.csv.zip is encrypted: decrypt it first"):
        rows_of(file_of(tmp_path / "r.csv.zip", bytes(content)))


@pytest.mark.parametrize(("name", "kind", "message"), [
    ("r.parquet.gz", None, "only text can be read from a compressed file"),
    ("r.gz", "parquet", "only text can be read from a compressed file"),
    ("r.csv.xz", None, "must end in .csv.*; unpack it"),
    *((name, None, "must end in .csv.*; save the sheet as CSV") for name in ("r.xlsx", "R.XLS", "r.ods")),
    ("r.npy", None, "must end in .csv.*; export its table"),
    ("r.gz", None, "must end in .csv"), ("r.csv", "xml", "must be one of csv"),
])
def test_an_unknown_format_is_misuse(tmp_path: Path, name: str, kind: str | None, message: str) -> None:
    """Before the file is read."""
    with pytest.raises(SettingError, match=message):
        registry.of(file_of(tmp_path / name, b"", Reading(input_format=kind)))


@pytest.mark.parametrize("name", ["r.tsv", "r.txt", "r.tab", "r.psv", "r.dat", "R.CSV", "r.TXT.GZ"])
def test_endings_of_delimited_text(tmp_path: Path, name: str) -> None:
    """They do not decide the delimiter."""
    content = gzip.compress(TEXT.encode()) if name.endswith("GZ") else TEXT.encode()

    assert ROWS == rows_of(file_of(tmp_path / name, content))


def test_a_named_format_reads_any_name(tmp_path: Path) -> None:
    """``--input-format`` decides over the ending; compression still shows in it."""
    assert ROWS == rows_of(file_of(tmp_path / "export.xlsx", TEXT.encode(), Reading(input_format="csv")))
    assert ROWS == rows_of(file_of(tmp_path / "dump.gz", gzip.compress(TEXT.encode()), Reading(input_format="csv")))


@pytest.mark.parametrize(("content", "message"), [
    (b"", "is empty: its first line must name the columns"), (b"\n\r\n", "is empty"), (b"\xef\xbb\xbf", "is empty"),
    (b"x" * (csv_header.MOST_BYTES + 1), "the header is longer than 1 MB"),
    (b'x,"y\n' + b"1,2\n" * csv_header.MOST_BYTES, "the header is longer than 1 MB"),
    (b"," * csv_header.MOST_NAMES + b"\n", "the header has more than 100000 names"),
    *((compressed(b"a,b\n1,2\n"), f"is compressed: save it under a name that ends in {ending}")
      for ending, compressed in ((".gz", gzip.compress), (".bz2", bz2.compress))),
    (b"PAR1" + bytes(2_000_000), "starts as Parquet does: read it with --input-format parquet"),
    *((text, "starts as JSON does: read it with --input-format json")
      for text in (b'[\n {"a": 1}\n]', b'[{"a": 1, "b": 2}]', b'{"a": 1}\n', b'{\n "a": 1}')),
], ids=["empty", "line ends", "byte order mark", "long", "unclosed quote", "many names", "gzip", "bz2", "Parquet",
        "JSON array", "JSON on one line", "NDJSON", "JSON object"])
def test_a_file_without_a_usable_header_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    """A header is never read without a limit."""
    with pytest.raises(DataError, match=message):
        registry.of(file_of(tmp_path / "r.csv", content)).names()


def test_duplicate_and_empty_names_do_not_matter_in_unused_columns(tmp_path: Path) -> None:
    """Excel writes empty ones at the end of lines."""
    form = registry.of(file_of(tmp_path / "r.csv", b"a,x,a,,\n1,2,3,,\n4,5,6,,\n"))

    assert ["a", "x", "a", "", ""] == form.names()
    assert [[2.0, 5.0]] == [batch["x"].to_pylist() for batch in form.batches(["x"], {"x": pa.float64()}, None)]


def test_without_quotes_a_quote_is_text(tmp_path: Path) -> None:
    """Also one that nothing closes."""
    file = file_of(tmp_path / "r.csv", b'x,y\n"a,b\n', Reading(quote=""))

    assert [{"x": '"a', "y": "b"}] == rows_of(file)


@pytest.mark.parametrize(("name", "names", "hint"), [
    ("b", ["a", " b"], "name it with its blanks"), ("b", ["a", "b "], "name it with its blanks"),
    ("b", ["a~b"], "name it by --delimiter"), ("a b", ["a", "b"], "name it by --delimiter"), ("c", ["a", "b"], ""),
    ("b", ["abc", "b_2"], "")])
def test_a_missing_column_comes_with_the_remedy_of_the_header(name: str, names: list[str], hint: str) -> None:
    """Blanks after a delimiter are a part of the name; another delimiter joins or divides names."""
    found = csv_header.delimiter_hint(name, names)
    assert hint in found and bool(hint) == bool(found)


@pytest.mark.parametrize("count", [1, 1000, 200_000])
def test_bytes_0_after_gzip_are_padding(tmp_path: Path, count: int) -> None:
    """As tapes and disk blocks have them."""
    text = b"x,y\n" + b"1,2\n" * 50_000
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(text) + bytes(count))
    (file,) = find_files(str(tmp_path / "rows.csv.gz"))

    assert b"".join(text_stream.pieces(file, 1000)) == text


@pytest.mark.parametrize(("content", "reason"), [
    (gzip.compress(b"x\n1\n") + b"rest", "cannot be decompressed as gz: other bytes follow the compressed text"),
    (gzip.compress(b"x\n1\n") + bytes(8) + b"rest", "cannot be decompressed as gz: other bytes follow the compressed"),
    (b"x\n1\n", "is not compressed"), (gzip.compress(b"x\n1\n")[:-9], "cannot be decompressed as gz: "),
], ids=["rest", "later", "text", "cut"])
def test_other_bytes_after_gzip_are_an_error(tmp_path: Path, content: bytes, reason: str) -> None:
    """They are not shown."""
    (tmp_path / "rows.csv.gz").write_bytes(content)
    (file,) = find_files(str(tmp_path / "rows.csv.gz"))

    with pytest.raises(DataError, match=f"rows.csv.gz {reason}"):
        list(text_stream.pieces(file))
