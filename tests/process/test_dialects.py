"""Files in any dialect, encoding and compression give the same model, and faults name the option that helps."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import run, run_with_peak

COLUMNS = ("--features", "x", "--target", "y")


def lines(separator: str, decimal: str = ".", count: int = 300) -> str:
    """Make a table in which one value has thousands."""
    random = np.random.default_rng(0)
    rows = [f"{x:.4f}{separator}{2 * x + e:.4f}".replace(".", decimal) for x, e in random.normal(size=(count, 2))]
    return "\n".join([f"x{separator}y", *rows, ""])


def model_of(path: Path, *options: str) -> bytes:
    """Train on a file."""
    model = path.parent / "m.joblib"
    done = run("train", "--data", path, *COLUMNS, "--model-save-path", model, *options)
    assert 0 == done.exit_code, done.output
    return model.read_bytes()


def test_every_dialect_gives_the_same_model(tmp_path: Path) -> None:
    """To the byte."""
    path = tmp_path / "r.csv"
    path.write_text(lines(","))
    expected = model_of(path)

    path.write_text(lines(";", ","), encoding="utf-16")
    assert expected == model_of(path, "--encoding", "utf-16", "--decimal", ",")
    (tmp_path / "r.tsv.gz").write_bytes(gzip.compress(("sep=\t\n" + lines("\t")).encode()))
    assert expected == model_of(tmp_path / "r.tsv.gz")
    (tmp_path / "r.dat").write_text(lines("   ").replace("\n", "  \n  "))
    assert expected == model_of(tmp_path / "r.dat")
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("rows.txt", lines("|"))
    assert expected == model_of(tmp_path / "export.zip")
    (tmp_path / "export").write_text(lines(":"))
    assert expected == model_of(tmp_path / "export", "--input-format", "csv", "--delimiter", ":")


@pytest.mark.parametrize(("content", "options", "code", "message"), [
    (lines(":"), (), 1, "its columns: x:y; "), (lines(";"), ("--delimiter", ","), 1, "--delimiter"),
    ("x,y\n1,2\n", ("--decimal", ",", "--thousands", ","), 2, "--decimal and --thousands must be different characters"),
    ("x,y\n1,2\n", ("--encoding", "rot13"), 2, "--encoding must be an encoding of text"),
    ("é,x,y\n1,1,2\n", (), 1, "byte 1 (0xe9) is not utf-8: try --encoding cp1252"),
    ("", (), 1, "is empty"),
])
def test_a_fault_is_one_line_with_a_remedy(tmp_path: Path, content: str, options: tuple[str, ...], code: int,
                                           message: str) -> None:
    """And the exit code says whether the data or the options are wrong."""
    (tmp_path / "r.csv").write_text(content, encoding="latin-1")

    done = run("train", "--data", tmp_path / "r.csv", *COLUMNS, "--model-save-path", tmp_path / "m", *options)

    assert code == done.exit_code and message in done.output and 1 == done.output.count("\n")


def test_compressed_and_encoded_rows_take_no_more_memory_for_more_rows(tmp_path: Path) -> None:
    """A file that decompresses to 120 MB is read in pieces."""
    peaks = []
    for count in (1, 3_000):
        path = tmp_path / "r.csv.gz"
        with gzip.open(path, "wb", 1) as file:
            file.write("x,y\n".encode("utf-16-le"))
            for _ in range(count):
                file.write("".join(f"{row % 89},{row % 97}\n" for row in range(4_000)).encode("utf-16-le"))
        _, peak = run_with_peak("train", "--data", path, *COLUMNS, "--model-save-path", tmp_path / "m.joblib",
                                "--encoding", "utf-16-le", "--iterations", "auto")
        peaks.append(peak)

    assert peaks[1] < peaks[0] + 80
