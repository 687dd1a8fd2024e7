"""``linear-regressor ingest`` copies the files of a data set unchanged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from linear_regressor.data.ingestion import copy_file, ingest
from linear_regressor.errors import DataError
from linear_regressor.files.file_search import find_files
from linear_regressor.files.locations import Folder
from tests.command_line import run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two files of one name in different folders."""
    for folder, text in (("data/a", "x,y\n1,2\n"), ("data/b", "x,y\n3,4\n")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "rows.csv").write_text(text)
    return tmp_path / "data"


def copies(folder: Path) -> dict[str, bytes]:
    """Contents of a folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_copied_unchanged_numbered_in_their_order(data: Path, tmp_path: Path) -> None:
    """Also if they have the same name; a second run gives the same folder."""
    for _ in range(2):
        done = run("ingest", data, tmp_path / "rows")

        assert (0, f"{tmp_path / 'rows'}: 2 files, 16 bytes\n") == (done.exit_code, done.output)
        assert copies(tmp_path / "rows") == {"000000-rows.csv": b"x,y\n1,2\n", "000001-rows.csv": b"x,y\n3,4\n"}


def test_a_compressed_file_stays_compressed(tmp_path: Path) -> None:
    """PyArrow would decompress it because of its name."""
    path = tmp_path / "rows.parquet"
    path.write_bytes(gzip.compress(b"any bytes"))

    ingest(str(path), Folder.of(str(tmp_path / "copy")))

    assert copies(tmp_path / "copy") == {"000000-rows.parquet": path.read_bytes()}


@pytest.mark.parametrize(("location", "folder", "message"), [
    ("data", "data/copy", "is inside the data: the next run would read the copies, too"),
    ("data/a/rows.csv", "used", "has other files, such as other.csv; give an empty folder"),
    ("data/c", "rows", "does not exist"),
    ("odd.xlsx", "rows", "must end in"),
], ids=["inside", "used", "missing", "unknown-format"])
def test_misuse_copies_nothing(data: Path, tmp_path: Path, location: str, folder: str, message: str) -> None:
    """One line says why."""
    (tmp_path / "odd.xlsx").touch()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "other.csv").touch()
    before = sorted(tmp_path.rglob("*"))

    done = run("ingest", tmp_path / location, tmp_path / folder)

    assert 2 == done.exit_code
    assert message in done.output and 1 == done.output.count("\n")
    assert before == sorted(tmp_path.rglob("*"))


@pytest.mark.parametrize(("name", "chosen", "copy"), [
    ("rows.xyz", "csv", "rows.xyz.csv"), ("rows.csv", "csv", "rows.csv"), ("rows.tsv", "csv", "rows.tsv"),
    ("rows.txt", "ndjson", "rows.txt.ndjson"), ("ROWS.GZ", "csv", "ROWS.csv.GZ"), ("rows.tsv.gz", "csv", "rows.tsv.gz"),
    ("rows", "parquet", "rows.parquet")])
def test_the_name_of_a_copy_says_its_format(tmp_path: Path, name: str, chosen: str, copy: str) -> None:
    """The steps that read the copies need not be told."""
    (tmp_path / name).write_bytes(b"any")

    done = run("ingest", tmp_path / name, tmp_path / "copies", "--input-format", chosen)

    assert (0, {f"000000-{copy}": b"any"}) == (done.exit_code, copies(tmp_path / "copies")), done.output
    assert "1 file, 3 bytes" in done.stdout


def test_a_file_that_changes_meanwhile_is_an_error(data: Path, tmp_path: Path) -> None:
    """It grows after it was found; the copy would be neither the old nor the new file."""
    (file,) = find_files(str(data / "a"))
    (data / "a" / "rows.csv").write_text("x,y\n1,2\n5,6\n")

    with pytest.raises(DataError, match=r"rows\.csv changed while it was copied: 12 bytes instead of 8"):
        copy_file(file, tmp_path / "copy.csv")

    assert not (tmp_path / "copy.csv").exists()
