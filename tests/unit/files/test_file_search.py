"""What a location finds: spellings, what is skipped and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from linear_regressor.errors import DataError, SettingError
from linear_regressor.files.locations import Locations
from tests.command_line import run


def make(folder: Path, *names: str) -> Path:
    """Make small files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x,y\n1,2\n")
    return folder


def found(folder: Path, *texts: str) -> list[str]:
    """Find files by locations relative to a folder; return their paths in it."""
    files = Locations(tuple(text if "://" in text else f"{folder}/{text}" for text in texts)).files()
    return [str(Path(file.path).relative_to(folder)) for file in files]


@pytest.mark.parametrize(("texts", "names"), [
    (("b.csv", "a.csv"), ["b.csv", "a.csv"]),
    (("deep", "?.csv"), ["deep/c.csv", "a.csv", "b.csv"]),
    (("{b,a}.csv",), ["a.csv", "b.csv"]),
    (("{deep,a.csv}",), ["a.csv", "deep/c.csv"]),
    (("{deep/*,?}.csv",), ["a.csv", "b.csv", "deep/c.csv"]),
], ids=str)
def test_locations_are_read_in_their_order(tmp_path: Path, texts: tuple[str, ...], names: list[str]) -> None:
    """The files of one location by their paths."""
    assert names == found(make(tmp_path, "a.csv", "b.csv", "deep/c.csv"), *texts)


@pytest.mark.parametrize("name", ["a*.csv", "a?.csv", "[ab].csv", "{a,b}.csv", "d{a,b}/x.csv", "[d]/x.csv"])
def test_a_literal_name_wins(tmp_path: Path, name: str) -> None:
    """Although as a glob it would match others."""
    make(tmp_path, name, "a.csv", "b.csv", "ab.csv", "da/x.csv", "db/x.csv", "d/x.csv")

    assert [name] == found(tmp_path, name)


def test_the_home_folder_and_file_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde elsewhere is part of a name."""
    make(tmp_path, "home/a b.csv", "~/c.csv")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    for text in ("~", "~/a b.csv", "~/*.csv", f"file://{tmp_path}/home/a%20b.csv", f"file://localhost{tmp_path}/home"):
        assert [str(tmp_path / "home/a b.csv")] == [file.path for file in Locations((text,)).files()], text
    assert ["~/c.csv"] == [file.name for file in Locations(("./~",)).files()]


@pytest.mark.parametrize("name", [
    ".DS_Store", "._a.csv", "_SUCCESS", "_metadata", "_common_metadata", ".part-0.csv.crc", "part-0.csv.crc",
    "sub_$folder$", "__MACOSX/a.csv", "_temporary/0/a.csv", ".git/a.csv", "README", "README.md", "Readme.txt",
    "a.csv.md5", "a.csv.sha256", "MD5SUMS", "SHA256SUMS", "sha256sums.txt", "Thumbs.db", "desktop.ini", "a.csv~",
    "~$a.xlsx", "LICENSE", "license.txt"])
def test_what_is_no_data_is_skipped(tmp_path: Path, name: str) -> None:
    """In folders and by globs; a file that is named itself is read."""
    make(tmp_path, "rows/a.csv", f"rows/{name}")

    for text in ("rows", "rows/**", "rows/**/*"):
        assert ["rows/a.csv"] == found(tmp_path, text)
    assert [f"rows/{name}"] == found(tmp_path, f"rows/{name}")


@pytest.mark.parametrize("name", ["notes.xlsx", "readme.csv", "a_b.csv", "crc", "_x=1/a.csv"])
def test_other_files_are_not_skipped(tmp_path: Path, name: str) -> None:
    """Whether they can be read is for their format to say."""
    assert [f"rows/{name}"] == found(make(tmp_path, f"rows/{name}"), "rows")


def test_empty_parts_are_skipped(tmp_path: Path) -> None:
    """Parallel writers leave them; alone, or named, they are read, and their format says that they are empty."""
    make(tmp_path, "rows/part-0.csv")
    (tmp_path / "rows/part-1.csv").touch()

    for text in ("rows", "rows/*"):
        assert ["rows/part-0.csv"] == found(tmp_path, text)
    (tmp_path / "rows/part-0.csv").unlink()
    assert ["rows/part-1.csv"] == found(tmp_path, "rows") == found(tmp_path, "rows/part-1.csv")


@pytest.mark.parametrize("text", ["rows", "rows/*", "rows/\udcff.csv"])
def test_a_name_that_is_not_utf8_is_an_error(tmp_path: Path, text: str) -> None:
    """It names the file, with the bytes escaped."""
    make(tmp_path, "rows/\udcff.csv")

    with pytest.raises(DataError, match=r"the name of .*rows/\\udcff\.csv is not UTF-8: rename it"):
        found(tmp_path, text)


def test_a_long_location_is_cut(tmp_path: Path) -> None:
    """In messages."""
    with pytest.raises(DataError) as caught:
        found(tmp_path, "{" * 2000)

    assert len(str(caught.value)) < 1000


def test_a_link_beside_its_target_is_an_error(tmp_path: Path) -> None:
    """Its rows would count twice."""
    make(tmp_path, "rows/a.csv")
    (tmp_path / "rows/b.csv").symlink_to("a.csv")

    with pytest.raises(SettingError, match=r"a\.csv and .*b\.csv are one file, both in .*: remove the link to it"):
        found(tmp_path, "rows")


@pytest.mark.parametrize(("metadata", "kind"), [
    ("_delta_log/00000000000000000000.json", "Delta"), (".hoodie/hoodie.properties", "Hudi"),
    ("metadata/v1.metadata.json", "Iceberg"), ("metadata/00000-aa.metadata.json", "Iceberg")])
@pytest.mark.parametrize("text", ["table", "table/*.csv", "table/**/*.csv", ".", "table/day=1", "table/day=1/*.csv",
                                  "table/data", "table/data/day=1"])
def test_tables_with_removed_rows_are_refused(tmp_path: Path, metadata: str, kind: str, text: str) -> None:
    """The message says why and what to do."""
    make(tmp_path, f"table/{metadata}", "table/a.csv", "table/day=1/a.csv", "table/data/day=1/a.csv")

    with pytest.raises(DataError, match=rf"{tmp_path}/table is an? {kind} table: .* were removed; export the rows"):
        found(tmp_path, text)
    assert ["table/a.csv"] == found(tmp_path, "table/a.csv")


@pytest.mark.parametrize("text", ["rows", "rows/*.csv", "rows/**", "rows/link.csv"])
@pytest.mark.parametrize("target", ["nothing.csv", "link.csv", "../rows/link.csv"])
def test_a_link_to_nothing_is_an_error(tmp_path: Path, text: str, target: str) -> None:
    """Or to itself; it is never left out silently."""
    make(tmp_path, "rows/a.csv")
    (tmp_path / "rows/link.csv").symlink_to(target)

    with pytest.raises(DataError, match=r"rows/link\.csv (is a symbolic link to nothing\.csv, which does not exist: "
                                        r"remove the link|is a symbolic link that leads back to itself: remove it)"):
        found(tmp_path, text)
    assert ["rows/a.csv"] == found(tmp_path, "rows/a*")


@pytest.mark.parametrize("target", [".", "..", "../rows"])
def test_a_loop_of_folders_is_an_error(tmp_path: Path, target: str) -> None:
    """It would have each file without end."""
    make(tmp_path, "rows/a.csv")
    (tmp_path / "rows/again").symlink_to(target)

    with pytest.raises(DataError, match="again is a symbolic link to a folder around it: remove it, or name the "
                                        r"files by a glob, such as .*rows/\*\.csv"):
        found(tmp_path, "rows")
    assert ["rows/a.csv"] == found(tmp_path, "rows/*.csv")


def test_a_link_to_another_folder_is_followed(tmp_path: Path) -> None:
    """Its files have the path of the link."""
    make(tmp_path, "rows/a.csv", "other/b.csv")
    (tmp_path / "rows/link").symlink_to("../other")

    assert ["rows/a.csv", "rows/link/b.csv"] == found(tmp_path, "rows")


@pytest.mark.parametrize("texts", [
    ("a.csv", "a.csv"), ("a.csv", "*.csv"), ("a.csv", "link.txt"), ("a.csv", "hard.txt"), ("folder", "deep/*"),
    ("{a,?}.csv",)], ids=str)
def test_a_file_that_is_named_twice_is_an_error(tmp_path: Path, texts: tuple[str, ...]) -> None:
    """Directly, by a link, or by overlapping globs; the message has both locations."""
    make(tmp_path, "a.csv", "deep/b.csv")
    (tmp_path / "link.txt").symlink_to("a.csv")
    (tmp_path / "hard.txt").hardlink_to(tmp_path / "a.csv")
    (tmp_path / "folder").symlink_to("deep")

    with pytest.raises(SettingError, match="one file, named by .*: name it once") as caught:
        found(tmp_path, *texts)

    assert all(f"by {tmp_path}/{text}" in str(caught.value) for text in texts)


@pytest.mark.parametrize(("text", "message"), [
    ("{a,c}.csv", r"\{a,c\}\.csv matches no file: there is no .*/c\.csv"),
    ("s3://bucket/a//b.csv", r"s3://bucket/a//b\.csv has an empty folder name \(//\), which PyArrow cannot read"),
    ("file://host/a.csv", "must be a path, a glob, gs://bucket/path or s3://bucket/path"),
    ("{a,b}" * 20, "stand for more than 1,000 alternatives"),
])
def test_misuse_is_named(tmp_path: Path, text: str, message: str) -> None:
    """In one line."""
    with pytest.raises(SettingError, match=message) as caught:
        found(make(tmp_path, "a.csv"), text)

    assert "\n" not in str(caught.value)


def test_an_unknown_file_in_a_folder_is_named(tmp_path: Path) -> None:
    """It may have rows, so it is not skipped."""
    make(tmp_path, "rows/a.csv", "rows/b.xlsx")

    done = run("data", "show", tmp_path / "rows")

    assert 2 == done.exit_code and re.search(r"rows/b\.xlsx must end in", done.output)


@pytest.mark.parametrize(("text", "columns"), [
    ("t", [("day", "2024-05-01"), ("a/b", "x=1")]), ("t/day=*/**", [("day", "2024-05-01"), ("a/b", "x=1")]),
    ("t/{day=2024-05-01,day=b}/**", [("day", "2024-05-01"), ("a/b", "x=1")]),
    ("t/day=2024-05-01", [("a/b", "x=1")]), ("t/*/*/rows.csv", [("day", "2024-05-01"), ("a/b", "x=1")]),
    ("t/day=2024-05-01/a%2Fb=x%3D1/rows.csv", [])])
def test_folders_below_the_location_add_columns(tmp_path: Path, text: str, columns: list[tuple[str, str]]) -> None:
    """Names and values are decoded."""
    make(tmp_path, *(f"t/day={day}/a%2Fb=x%3D1/rows.csv" for day in ("2024-05-01", "b")))

    assert tuple(columns) == Locations((f"{tmp_path}/{text}",)).files()[0].folder_columns


def test_a_missing_value_of_a_folder(tmp_path: Path) -> None:
    """As Hive and Spark write it."""
    make(tmp_path, "t/day=__HIVE_DEFAULT_PARTITION__/=x/plain/a.csv")

    assert (("day", None),) == Locations((f"{tmp_path}/t",)).files()[0].folder_columns


@pytest.mark.parametrize(("names", "message"), [
    (("t/a.csv", "t/k=1/b.csv"), r"t/a\.csv has no column from its folders, but .*t/k=1/b\.csv has the column 'k'"),
    (("t/j=1/a.csv", "t/k=1/b.csv"), r"t/j=1/a\.csv has the column 'j' .* t?.*/k=1/b\.csv has the column 'k'"),
    (("t/k=1/k=2/a.csv",), "has two folders for the column 'k'")])
def test_folders_that_disagree_are_an_error(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    """The message names both files."""
    with pytest.raises(DataError, match=message):
        found(make(tmp_path, *names), "t")
