"""Data sets in buckets, on local S3 and Google Cloud Storage servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from linear_regressor.artefact.file import load
from tests.buckets import BUCKET, CREDENTIALS, Bucket, gs_bucket, s3_bucket
from tests.command_line import run_process
from tests.data_sets import ENDINGS, rows, saved

COLUMNS = ("--features", "x1,x2,x3", "--target", "y")


@pytest.fixture(scope="module", params=["s3", "gs"])
def bucket(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """Serve a bucket with a file of each format, and a truncated one."""
    folder = tmp_path_factory.mktemp("bucket") / "data"
    for number, ending in enumerate(ENDINGS):
        saved(rows(np.random.default_rng(number), 500), folder / f"part {number}{ending}", 200)
    (folder / "cut.parquet").write_bytes((folder / "part 1.parquet").read_bytes()[:-100])
    (folder / "wrong.csv").write_text("x1,x2,x3,y\n1,2,3,4\n1,oops,3,4\n")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with s3_bucket() if request.param == "s3" else gs_bucket(tmp_path_factory.mktemp("server")) as found:
            found.put(folder)
            yield found


def test_train_evaluate_and_predict(tmp_path: Path, bucket: Bucket) -> None:
    """With a glob, a folder and a name; training gives the same bytes as the same files on this machine."""
    for number, ending in enumerate(ENDINGS):
        saved(rows(np.random.default_rng(number), 500), tmp_path / "data" / f"part {number}{ending}", 200)
    common = ("--report-path", tmp_path / "reports", "--model-save-path")

    here = run_process("train", "--data", tmp_path / "data", *COLUMNS, *common, tmp_path / "here")
    there = run_process("train", "--data", bucket.url("data/part*"), *COLUMNS, *common, tmp_path / "there")
    evaluated = run_process("evaluate", "--data", bucket.url("data/part 0.csv"), "--model-path", tmp_path / "there")
    predicted = run_process("predict", "--data", bucket.url("**/part 1.parquet"), tmp_path / "out.parquet",
                            "--model-path", tmp_path / "there")

    assert [(0, "")] * 4 == [(done.returncode, done.stderr) for done in (here, there, evaluated, predicted)]
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()
    assert 1500 < load(tmp_path / "there").moments.n < 1700
    assert "on the 500 rows\n" in evaluated.stdout
    assert 500 == pyarrow.parquet.read_metadata(tmp_path / "out.parquet").num_rows


@pytest.mark.parametrize(("path", "exit_code", "message"), [
    ("data/none.csv", 2, "{url} does not exist"),
    ("none/*.csv", 2, "{url} matches no file"),
    ("data/wrong.csv", 1, "{scheme}://rows/data/wrong.csv: column 'x2', row 2 (counted from 1, without the header) is "
                          "not a number: 'oops'; "),
    ("data/cut.parquet", 1, "{scheme}://rows/data/cut.parquet cannot be read as parquet: "),
], ids=str)
def test_a_read_error_is_one_line(tmp_path: Path, bucket: Bucket, path: str, exit_code: int,
                                  message: str) -> None:
    """It names the object; nothing is written."""
    url = bucket.url(path)

    done = run_process("train", "--data", url, *COLUMNS, "--model-save-path", tmp_path / "model")

    assert (exit_code, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert done.stderr.startswith(f"Error: {message.format(url=_named(url), scheme=bucket.scheme)}")
    assert [] == list(tmp_path.iterdir())


def test_an_unreachable_server_is_one_line(tmp_path: Path, bucket: Bucket) -> None:
    """After a few retries."""
    url = re.sub(r"127.0.0.1:\d+", "127.0.0.1:9", bucket.url("data/part*"))

    done = run_process("train", "--data", url, *COLUMNS, "--model-save-path", tmp_path / "model", environ=CREDENTIALS)

    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert done.stderr.startswith(f"Error: {_named(url)} cannot be accessed: ")


def test_a_missing_bucket_has_no_files(tmp_path: Path, bucket: Bucket) -> None:
    """Like a missing folder on this machine."""
    url = bucket.url("data/part*").replace(f"{BUCKET}/", "nobody/")

    done = run_process("train", "--data", url, *COLUMNS, "--model-save-path", tmp_path / "model")

    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert done.stderr.startswith(f"Error: {_named(url)} matches no file")


def test_credentials_in_a_url_are_not_shown(tmp_path: Path, bucket: Bucket) -> None:
    """Neither when nothing matches nor when the server is unreachable."""
    if bucket.scheme == "gs":
        pytest.skip("gs:// takes no secret in a URL")
    for url in (bucket.url("none.csv"), bucket.url("x.csv").replace(bucket.address, "127.0.0.1:9")):
        done = run_process("train", "--data", url.replace("s3://", "s3://key:hush-hush@"), *COLUMNS,
                           "--model-save-path", tmp_path / "model")

        assert 0 != done.returncode
        assert "hush-hush" not in done.stderr and "s3://***@rows/" in done.stderr


@pytest.mark.parametrize("command", ["verify", "data diff"])
def test_what_commands_print_about_a_bucket_has_no_credentials(tmp_path: Path, bucket: Bucket, command: str) -> None:
    """The reports name the data, and people keep them."""
    if bucket.scheme == "gs":
        pytest.skip("gs:// takes no secret in a URL")
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "a.csv").write_text("a,b\n1,2\n2,3\n4,4\n")
    bucket.put(folder)
    url = bucket.url("kept/a.csv").replace("s3://", "s3://key:hush-hush@")
    done = run_process(*command.split(), url, *([url] if command == "data diff" else []), "--json")

    assert 0 == done.returncode, done.stderr
    assert "hush-hush" not in done.stdout + done.stderr and "s3://***@rows/kept/a.csv" in done.stdout


def _named(url: str) -> str:
    """Return the URL as messages show it."""
    return re.sub(r"//[^/@]*@", "//***@", url)
