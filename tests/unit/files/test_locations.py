"""Find files by path, glob or URL."""

import re
from pathlib import Path

import pytest
from pyarrow import fs

from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.errors import DataError, SettingError
from linear_regressor.files.file_search import find_files, matches
from linear_regressor.files.locations import Folder


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
def test_a_location_finds_files_in_a_fixed_order(folder: Path, location: str, names: list[str]) -> None:
    """A wildcard does not match slashes; names that start with a dot or an underscore are hidden."""
    files = find_files(str(folder / location))

    assert [str(folder / name) for name in names] == [file.name for file in files]


def test_a_path_may_be_relative(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the current folder, with a glob too."""
    monkeypatch.chdir(folder)

    assert ["deep/c.csv"] == [file.name for file in find_files("deep/c.csv")]
    assert ["a.csv", "b.csv"] == [file.name for file in find_files("?.csv")]
    assert ["a.csv", "b.csv"] == [Path(file.name).name for file in find_files("./?.csv")]


@pytest.mark.parametrize(("location", "message"), [
    ("none.csv", "none.csv does not exist"),
    ("none/*.csv", "matches no file"),
    ("https://host/rows.csv", "must be a path, a glob, gs://bucket/path or s3://bucket/path"),
    ("s3:///rows.csv", "must be a path"),
], ids=str)
def test_a_location_without_files_is_rejected(folder: Path, location: str, message: str) -> None:
    """The message names the location."""
    place = location if "://" in location else str(folder / location)

    with pytest.raises((SettingError, DataError)) as caught:
        find_files(place)

    assert message in str(caught.value) and place in str(caught.value)


def test_a_folder_without_data_is_rejected(tmp_path: Path) -> None:
    """The message says which files do not count."""
    (tmp_path / "_SUCCESS").touch()

    with pytest.raises(SettingError, match=f"the folder {tmp_path} has no file of data; names that start with a dot"):
        find_files(str(tmp_path))


def test_an_unknown_ending_is_rejected(folder: Path) -> None:
    """The message names the file and the supported endings."""
    (folder / "rows.xlsx").touch()

    with pytest.raises(SettingError, match="rows.xlsx must end in .csv, .tsv, .txt, .tab, .psv, .dat, .parquet"):
        Source.of(str(folder / "*.xlsx"), Columns(("x",), "y"))


def test_a_changed_file_is_not_equal(folder: Path) -> None:
    """Its size or the time of its last change differs."""
    before = find_files(str(folder / "a.csv"))

    (folder / "a.csv").write_text("x\n1\n")

    assert before != find_files(str(folder / "a.csv"))


@pytest.mark.parametrize("location", ["", " "])
def test_an_empty_location_is_rejected(location: str) -> None:
    """It does not mean the current folder."""
    for resolve in (find_files, Folder.of):
        with pytest.raises(SettingError, match="must be a path, a glob or a URL"):
            resolve(location)


def test_an_invalid_glob_is_rejected(folder: Path) -> None:
    """One line has the reason."""
    with pytest.raises(SettingError, match=r"invalid glob '\[z-a\]\*': bad character range z-a"):
        find_files(f"{folder}/[z-a]*")


@pytest.mark.parametrize(("pattern", "secret"), [
    ("s3://USER@bucket/rows.csv", "SE/CRETKEY"), ("S3://USER@bucket/rows.csv", "SE/CRETKEY"),
    ("s3://USER@bucket/rows.csv?what=1", "SE%2FCRETKEY"), ("s3://USER@buc ket/rows.csv", "SECRETKEY"),
    ("gs://USER@bucket/rows.csv", "SECRETKEY")])
def test_credentials_are_in_no_message(pattern: str, secret: str) -> None:
    """Nor any part of them, wherever the error is raised."""
    location = pattern.replace("USER", f"AKIAXX:{secret}")
    for resolve in (find_files, Folder.of):
        if location[0] == "S" and resolve == Folder.of:
            continue  # a valid local folder with an odd name
        with pytest.raises((SettingError, DataError)) as caught:
            resolve(location)

        assert "***@" in str(caught.value)
        assert not re.search("AKIA|SE|CRET|KEY", str(caught.value).replace(location[:2], ""))


@pytest.mark.parametrize(("location", "below"), [
    ("", True), ("deep", False), ("*", False), ("**", True), ("*/*.parquet", True), ("*/*.csv", False),
    ("b.csv", False),
], ids=str)
def test_a_location_matches_files_that_do_not_exist_yet(folder: Path, location: str, below: bool) -> None:
    """Hidden files and other folders do not match."""
    local = fs.LocalFileSystem()

    assert below == matches(f"{folder}/{location}", local, f"{folder}/new/a.parquet")
    assert not matches(f"{folder}/{location}", local, f"{folder}/.new/a.parquet")
    assert not matches(f"{folder}/{location}", local, f"{folder}-new/a.parquet")


@pytest.mark.parametrize(("location", "output"), [
    ("data", "link/new"), ("link", "data/new"), ("link/*/*.csv", "data/new"), ("data", "deep")])
def test_a_folder_below_the_data_is_recognised_behind_links(tmp_path: Path, location: str, output: str) -> None:
    """Of the output as well as of the data."""
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "deep").symlink_to("data/new")

    assert matches(f"{tmp_path}/{location}", fs.LocalFileSystem(), f"{tmp_path}/{output}/a.csv")
