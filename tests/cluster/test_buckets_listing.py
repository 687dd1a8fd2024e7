"""What locations find in buckets: markers of folders, odd keys and the columns that folders add."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.errors import DataError, SettingError
from linear_regressor.files.folder import Folder
from linear_regressor.files.locations import Locations
from tests.buckets import CREDENTIALS, Bucket, gs_bucket, s3_bucket

ROW = b"x,y\n1,2\n"
# "" are markers of folders, with and without a slash at the end.
OBJECTS = {"plain/a.csv": ROW, "plain/b?c.csv": ROW, "plain/d.csv": ROW, "plain/sub": b"", "plain/sub/e.csv": ROW,
           "plain/slash/": b"", "plain/slash/f.csv": ROW, "plain/empty": b"", "plain/empty2/": b"",
           "plain/emr_$folder$": b"", "plain/_SUCCESS": b"", "plain/.a.csv.crc": b"1", "plain/README.md": b"text",
           "marked": b"", "marked/a.csv": ROW, "v1.5": b"", "v1.5/w2.5": b"", "v1.5/w2.5/a.csv": ROW,
           "hive/day=1": b"", "hive/day=1/k=a%2Fb/a.csv": ROW, "hive/day=2/k=c/a.csv": ROW,
           "delta/_delta_log/0.json": b"{}", "delta/day=1/a.csv": ROW, "delta/a.csv": ROW,
           "iceberg/metadata/v1.metadata.json": b"{}", "iceberg/data/a.csv": ROW}


@pytest.fixture(scope="module", params=["s3", "gs"])
def bucket(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """Serve a bucket with odd objects."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        server = s3_bucket() if request.param == "s3" else gs_bucket(tmp_path_factory.mktemp("server"), "memory")
        with server as found:
            for key, data in OBJECTS.items():
                found.put_object(key, data)
            if found.scheme == "s3":
                found.put_object("double//a.csv", ROW)
                found.put_object("double/b.csv", ROW)
            yield found


def keys(bucket: Bucket, path: str) -> list[str]:
    """Find the keys of a location."""
    return [file.path.partition("/")[2] for file in Locations((bucket.url(path),)).files()]


@pytest.mark.parametrize(("path", "expected"), [
    ("plain", ["plain/a.csv", "plain/b?c.csv", "plain/d.csv", "plain/slash/f.csv", "plain/sub/e.csv"]),
    ("plain/", ["plain/a.csv", "plain/b?c.csv", "plain/d.csv", "plain/slash/f.csv", "plain/sub/e.csv"]),
    ("plain/*", ["plain/a.csv", "plain/b?c.csv", "plain/d.csv"]),
    ("plain/?.csv", ["plain/a.csv", "plain/d.csv"]),
    ("plain/b?c.csv", ["plain/b?c.csv"]),
    ("plain/{a,d}.csv", ["plain/a.csv", "plain/d.csv"]),
    ("plain/*/*.csv", ["plain/slash/f.csv", "plain/sub/e.csv"]),
    ("marked", ["marked/a.csv"]),
    ("v1.5", ["v1.5/w2.5/a.csv"]),
    ("v*/w2.5/*", ["v1.5/w2.5/a.csv"]),
], ids=str)
def test_markers_are_no_files_and_odd_keys_are(bucket: Bucket, path: str, expected: list[str]) -> None:
    """An object without bytes that has the name of a folder stands for it; a question mark is part of a key."""
    assert expected == keys(bucket, path)


def test_s3a_is_s3(bucket: Bucket) -> None:
    """As Hadoop writes it."""
    if bucket.scheme == "gs":
        pytest.skip("s3a:// is for S3")
    location = bucket.url("plain/b?c.csv").replace("s3://", "s3a://")

    assert ["s3://rows/plain/b?c.csv"] == [file.name for file in Locations((location,)).files()]
    assert "rows/copy" == Folder.of(bucket.url("copy").replace("s3://", "s3a://")).path
    with pytest.raises(SettingError, match="is one file, named by s3a://.* and by s3://.*: name it once"):
        Locations((location, bucket.url("plain/*"))).files()


def test_a_key_with_an_empty_part_is_named(bucket: Bucket) -> None:
    """PyArrow lists it, but cannot read it; other files can be read."""
    if bucket.scheme == "gs":
        pytest.skip("PyArrow lists such keys of gs:// by another name")
    with pytest.raises(DataError, match=r"s3://rows/double//a\.csv has an empty folder name \(//\)"):
        keys(bucket, "double")
    assert ["double/b.csv"] == keys(bucket, "double/*.csv")


def test_folders_add_columns(bucket: Bucket) -> None:
    """As on this machine."""
    source = Source.of(bucket.url("hive"), Columns(("x", "day"), "y", where="k = 'c'"))

    assert [(("day", "1"), ("k", "a/b")), (("day", "2"), ("k", "c"))] == [file.folder_columns for file in source.files]
    assert [[1.0, 2.0, 2.0]] == [row for partition in source.partitions() for block in partition.blocks()
                                 for row in block.tolist()]


@pytest.mark.parametrize(("path", "kind"), [
    ("delta", "Delta"), ("delta/*.csv", "Delta"), ("delta/day=1", "Delta"), ("iceberg", "Iceberg"),
    ("iceberg/data", "Iceberg"), ("**", "")])
def test_tables_are_refused(bucket: Bucket, path: str, kind: str) -> None:
    """Also by a glob beside their metadata."""
    with pytest.raises(DataError, match=f"{kind} table: its Parquet files include rows that were removed"):
        keys(bucket, path)
