"""The text of a file in pieces of UTF-8: decompressed by the ending of its name, and decoded from its encoding."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from linear_regressor.errors import DataError
from linear_regressor.files.locations import File, ending
from linear_regressor.formats import first_bytes, remedies

if TYPE_CHECKING:
    from typing import IO
    from zipfile import ZipFile, ZipInfo

Pieces = Generator[bytes, None, None]

# Compression by the ending of a file's name, with the name that PyArrow gives it.
CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
ZIP = ".zip"
COMPRESSED = (*CODECS, ZIP)
# Where macOS puts what its file system knows about the files of an archive.
MACOS_FOLDER = "__MACOSX/"
# Bytes of a file that are read at a time.
PIECE_BYTES = 1 << 20
LONGEST_MARK = max(map(len, remedies.MARKS))


def pieces(file: File, size: int = PIECE_BYTES) -> Pieces:
    """Read text as UTF-8 without its byte order mark, in memory that does not grow with the file.

    UTF-8 is passed on as it is: ``require_decodable`` finds what is wrong with it.
    """
    raw = _raw(file, size)
    yield from _marked(file, raw) if file.reading.is_utf8 else _decoded(file, raw, file.reading.encoding)


def is_blank(text: bytes, blanks: bytes) -> bool:
    """Whether text has these blanks only; several times as fast as stripping them."""
    return not text or text.isspace() and not text.translate(None, blanks)


def require_decodable(file: File) -> None:
    """Reject text with a byte that is not of its encoding."""
    for _ in _decoded(file, _raw(file, PIECE_BYTES), file.reading.encoding):
        pass


def inner_names(file: File) -> Iterator[str]:
    """Yield the name that a file has without compression; for a zip archive then that of its member."""
    found = ending(file.path)
    yield file.path[:-len(found)] if found in COMPRESSED else file.path
    if found == ZIP:
        with _archive(file) as (_, member):
            yield member.filename


def stored_bytes(text: bytes, file: File) -> int:
    """Estimate how many bytes some text of a file has in the file."""
    if not file.reading.is_utf8:
        text = text.decode(errors="ignore").encode(file.reading.encoding, errors="ignore")
    if ending(file.path) in COMPRESSED:
        import zlib

        text = zlib.compress(text)
    return len(text)


def _raw(file: File, size: int) -> Pieces:
    """Read and decompress a file."""
    found = ending(file.path)
    if found == ZIP:
        with _archive(file) as (archive, member), archive.open(member) as stream:
            yield from _read(stream, size)
        return
    read = 0
    try:
        with file.filesystem.open_input_stream(file.path, compression=CODECS.get(found)) as stream:
            for piece in _read(stream, size):
                read += len(piece)
                yield piece
    except OSError as error:
        if found not in CODECS or error.errno is not None:
            raise
        if found == ".gz":
            yield from _padded(file, size, read)
            return
        raise _not_decompressed(file, str(error)) from None


def _not_decompressed(file: File, reason: str) -> DataError:
    """Return an error for a file that does not have the compression of its name, by its first bytes, or is damaged."""
    with file.filesystem.open_input_stream(file.path, compression=None) as stream:
        start = stream.read(first_bytes.FIRST_BYTES)
    found = ending(file.path)
    if first_bytes.is_text(start):
        return DataError(f"{file.name} is not compressed: leave {found} out of its name")
    said = first_bytes.said_of(start)
    if said and said != f"{first_bytes.COMPRESSED}{found}":
        return DataError(f"{file.name} {said}")
    return DataError(f"{file.name} cannot be decompressed as {found[1:]}: {reason}")


def _padded(file: File, size: int, read: int) -> Pieces:
    """Decompress gzip as Python does, after some text: it accepts bytes 0 at the end, as tapes and blocks have them."""
    from gzip import BadGzipFile, GzipFile
    from zlib import error as ZlibError

    try:
        with file.filesystem.open_input_file(file.path) as stream, GzipFile(fileobj=stream) as text:
            text.seek(read)
            yield from _read(text, size)
    except (BadGzipFile, ZlibError, EOFError) as error:
        reason = str(error)
        if reason.startswith("Not a gzipped file"):  # it goes on with bytes of the file
            reason = "other bytes follow the compressed text; compress it again"
        raise _not_decompressed(file, reason) from None


def _read(stream: IO[bytes] | pa.NativeFile, size: int) -> Iterator[bytes]:
    """Read a stream to its end."""
    while piece := stream.read(size):
        yield piece


@contextmanager
def _archive(file: File) -> Iterator[tuple[ZipFile, ZipInfo]]:
    """Open a zip archive that has one member; errors while it is read name the file, too."""
    from zipfile import BadZipFile, ZipFile
    from zlib import error as ZlibError

    try:
        with file.filesystem.open_input_file(file.path) as stream, ZipFile(stream) as archive:
            members = [member for member in archive.infolist()
                       if not member.is_dir() and not member.filename.startswith(MACOS_FOLDER)]
            if len(members) != 1:
                names = ", ".join(member.filename for member in members[:3]) + ", ..." * (len(members) > 3)
                raise DataError(f"{file.name} must have one file in it, not {len(members)}"
                                f"{': ' * bool(members)}{names}")
            if members[0].flag_bits & 1:
                raise DataError(f"{file.name} is encrypted: decrypt it first")
            yield archive, members[0]
    except (BadZipFile, ZlibError, EOFError, NotImplementedError, pa.ArrowInvalid) as error:
        raise _not_decompressed(file, str(error) or "it is cut off") from None


def _marked(file: File, raw: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out the byte order mark of UTF-8, and reject that of another encoding."""
    rest = iter(raw)
    start = b""
    for piece in rest:
        start += piece
        if len(start) >= LONGEST_MARK:
            break
    for mark, encoding in remedies.MARKS.items():
        if start.startswith(mark):
            raise DataError(f"{file.name} has the byte order mark of {encoding}: "
                            f"{remedies.of_encoding(file.reading, start)}")
    yield from itertools.chain([start.removeprefix(codecs.BOM_UTF8)], rest)


def _decoded(file: File, raw: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Decode text to UTF-8 without a byte order mark."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read, begun = 0, False
    for piece in itertools.chain(raw, [b""]):
        read += len(piece)
        try:
            text = decoder.decode(piece, final=not piece)
            content = (text if begun else text.removeprefix("\ufeff")).encode()
        except UnicodeError as error:
            raise DataError(_undecodable(file, error, read)) from None
        begun = begun or bool(text)
        if content:
            yield content


def _undecodable(file: File, error: UnicodeError, read: int) -> str:
    """Describe bytes that are not of the encoding, of which so many have been read."""
    place, value = f"one of the first {read} bytes", ""
    if isinstance(error, UnicodeDecodeError):
        place = f"byte {read - len(error.object) + error.start + 1}"
        value = "" if file.reading.hide_values else f" (0x{error.object[error.start]:02x})"
    return f"{file.name}: {place}{value} is not {file.reading.encoding}: {remedies.of_encoding(file.reading)}"
