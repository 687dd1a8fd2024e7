"""How a path, glob or URL finds files."""

from pathlib import Path

import pytest

from linear_regressor.data import files
from linear_regressor.errors import DataError, SettingError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a tree of empty files."""
    for name in ("b.csv", "a.csv", "a.PARQUET", "deep/c.csv", "deep/er/d.csv", "deep/_SUCCESS", "deep/.e.csv.tmp",
                 "odd[1].csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(("location", "names"), [
    ("b.csv", ["b.csv"]),
    ("*.csv", ["a.csv", "b.csv", "odd[1].csv"]),
    ("?.csv", ["a.csv", "b.csv"]),
    ("[!a].csv", ["b.csv"]),
    ("*/*.csv", ["deep/c.csv"]),
    ("**/*.csv", ["a.csv", "b.csv", "deep/c.csv", "deep/er/d.csv", "odd[1].csv"]),
    ("deep/**", ["deep/c.csv", "deep/er/d.csv"]),
    ("deep", ["deep/c.csv", "deep/er/d.csv"]),
    ("odd[1].csv", ["odd[1].csv"]),
    ("*.PARQUET", ["a.PARQUET"]),
], ids=str)
def test_a_location_names_files_in_a_fixed_order(folder: Path, location: str, names: list[str]) -> None:
    """A glob stops at slashes; what starts with a dot or an underscore is nobody's data."""
    assert [str(folder / name) for name in names] == [file.name for file in files.find(str(folder / location))]


def test_a_path_may_be_relative(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the present folder, with a glob too."""
    monkeypatch.chdir(folder)

    assert ["deep/c.csv"] == [file.name for file in files.find("deep/c.csv")]
    assert ["a.csv", "b.csv"] == [file.name for file in files.find("?.csv")]
    assert ["a.csv", "b.csv"] == [Path(file.name).name for file in files.find("./?.csv")]


@pytest.mark.parametrize(("location", "message"), [
    ("none.csv", "none.csv names no file"),
    ("none/*.csv", "names no file"),
    ("https://host/rows.csv", "must be a path, a glob, gs://bucket/path or s3://bucket/path"),
    ("s3:///rows.csv", "must be a path"),
], ids=str)
def test_nothing_found_is_misuse(folder: Path, location: str, message: str) -> None:
    """The location is named."""
    place = location if "://" in location else str(folder / location)

    with pytest.raises((SettingError, DataError)) as caught:
        files.find(place)

    assert message in str(caught.value) and place in str(caught.value)


def test_an_ending_that_tells_no_format_is_misuse(folder: Path) -> None:
    """The file is named, and so are the endings."""
    (folder / "rows.xlsx").touch()

    with pytest.raises(SettingError, match="rows.xlsx must end in .csv, .parquet, .feather, .arrow, .ndjson or"):
        files.find(str(folder / "*.xlsx"))


def test_a_changed_file_is_another(folder: Path) -> None:
    """Size or time of the last change tell."""
    before = files.find(str(folder / "a.csv"))

    (folder / "a.csv").write_text("x\n1\n")

    assert before != files.find(str(folder / "a.csv"))
