"""``linear-regressor predict --engine dask``: a folder of files, each of them complete."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import Result
from pyarrow.fs import FileSelector, FileSystem

from linear_regressor.temporary_files import LEAST_SECONDS
from tests.buckets import CREDENTIALS, Bucket, gs_bucket, s3_bucket
from tests.command_line import ROOT, clean_environ, run, run_process, shadow

FILES, ROWS = 6, 3000


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files, each of them one partition."""
    folder, random = tmp_path_factory.mktemp("rows"), np.random.default_rng(0)
    for number in range(FILES):
        a, b, noise = random.normal(5.0, 2.0, (3, ROWS))
        table = pa.table({"id": np.arange(ROWS) + ROWS * number, "a": a, "b": b, "y": 2 * a - b + noise})
        pa.parquet.write_table(table, folder / f"{number}.parquet")
    return folder


@pytest.fixture(scope="module")
def model(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained on them."""
    return trained(rows, tmp_path_factory.mktemp("model"), "--standardize")


def trained(rows: Path, folder: Path, *options: str) -> Path:
    """Train a model, and return its file."""
    result = run("train", "--data", rows, "--features", "a,b", "--target", "y", "--model-save-path", folder / "model",
                 "--report-path", folder, *options)
    assert 0 == result.exit_code, result.stderr
    return folder / "model"


def predict(rows: Path | str, model: Path, output: Path | str, *options: str) -> Result:
    """Predict on a cluster of this machine."""
    return run("predict", "--data", rows, "--model-path", model, "--engine", "dask", output, *options)


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder, including hidden ones."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("options", [
    [], ["--only-prediction"], ["--where", "a > 5"],
    ["--interval", "0.95", "--explain", "--range", "--missing", "null"]], ids=" ".join)
def test_the_folder_has_the_rows_of_a_single_file(rows: Path, model: Path, tmp_path: Path, options: list[str]) -> None:
    """In the same order."""
    one = run("predict", "--data", rows, "--model-path", model, tmp_path / "one.parquet", *options)

    result = predict(rows, model, tmp_path / "parts", *options)

    expected = pa.parquet.read_table(tmp_path / "one.parquet")
    assert (one.exit_code, result.exit_code, result.stderr) == (0, 0, "")
    assert f"{expected.num_rows} predictions in {tmp_path / 'parts'}\n" == result.stdout
    assert expected.equals(pa.parquet.read_table(tmp_path / "parts"))
    assert FILES == len(contents(tmp_path / "parts"))


def test_a_second_run_writes_only_missing_files(rows: Path, model: Path, tmp_path: Path) -> None:
    """The others are not touched."""
    predict(rows, model, tmp_path)
    before, (lost, *others) = contents(tmp_path), sorted(tmp_path.iterdir())
    times = [path.stat().st_mtime_ns for path in others]
    lost.unlink()

    result = predict(rows, model, tmp_path)

    assert (0, f"{FILES * ROWS} predictions in {tmp_path}\n") == (result.exit_code, result.stdout)
    assert before == contents(tmp_path)
    assert times == [path.stat().st_mtime_ns for path in others]


def test_a_killed_run_leaves_complete_files_and_can_be_continued(rows: Path, model: Path, tmp_path: Path) -> None:
    """The second run ends with the bytes of an undisturbed one."""
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    predict(rows, model, undisturbed)
    command = [ROOT / "main.py", "predict", "--data", rows, "--model-path", model, "--engine", "dask", killed]
    with subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=clean_environ({})) as process:
        while not list(killed.glob("*.parquet")):
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
        process.communicate(timeout=60)  # the workers hold the pipe until they end, a moment later
    (killed / ".part-000009-0.parquet.0123abcd.tmp").write_text("left by a killed writer")
    for path in killed.glob(".*.tmp"):
        os.utime(path, (time.time() - LEAST_SECONDS - 1,) * 2)

    for path in killed.glob("*.parquet"):
        assert (undisturbed / path.name).read_bytes() == path.read_bytes()
    assert 0 == predict(rows, model, killed).exit_code

    assert contents(undisturbed) == contents(killed)


def test_files_with_other_options_are_rejected(rows: Path, model: Path, tmp_path: Path) -> None:
    """An interval of another level has the same columns."""
    assert 0 == predict(rows, model, tmp_path / "parts", "--interval", "0.95").exit_code

    result = predict(rows, model, tmp_path / "parts", "--interval", "0.9")

    assert 2 == result.exit_code and "does not belong to these predictions" in result.stderr


def test_empty_predictions_of_finished_files_are_counted(model: Path, tmp_path: Path) -> None:
    """The second run reads no row."""
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,\n")

    for _ in range(2):
        result = predict(tmp_path / "rows.csv", model, tmp_path / "parts", "--missing", "null")
        assert f"2 predictions in {tmp_path}/parts, 1 of them empty because a feature is missing\n" == result.stdout


def test_files_of_another_model_are_rejected(rows: Path, model: Path, tmp_path: Path) -> None:
    """A reader of the folder could not tell them apart."""
    predict(rows, model, tmp_path / "parts")
    before = contents(tmp_path / "parts")

    result = predict(rows, trained(rows, tmp_path, "--random-state", "1", "--iterations", "9"), tmp_path / "parts")

    assert (2, 1) == (result.exit_code, result.stderr.count("\n"))
    assert f"{tmp_path}/parts contains part-000000-" in result.stderr
    assert before == contents(tmp_path / "parts")


def test_an_invalid_row_is_named_and_its_file_is_not_written(model: Path, tmp_path: Path) -> None:
    """As with the local engine."""
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,\n")

    result = predict(tmp_path / "rows.csv", model, tmp_path / "parts")

    assert (1, 1) == (result.exit_code, result.stderr.count("\n"))
    assert "rows.csv: column 'b', row 2 " in result.stderr
    assert [] == list(tmp_path.glob("parts/*"))


def test_a_full_disk_is_one_line(rows: Path, model: Path, tmp_path: Path) -> None:
    """On a worker, too."""
    done = run_process("predict", "--data", rows, "--model-path", model, "--engine", "dask", tmp_path / "parts",
                       file_size_limit=10_000)

    assert (1, 1) == (done.returncode, done.stderr.count("\n"))
    assert f"{tmp_path}/parts/part-00000" in done.stderr and "File too large" in done.stderr
    # a worker that is ended while it writes leaves a temporary file, which the next run removes
    assert [] == list((tmp_path / "parts").glob("*.parquet"))


def test_the_output_must_not_be_a_file(rows: Path, model: Path) -> None:
    """The exit code is 2."""
    result = predict(rows, model, model)

    assert (2, f"Error: {model} must be a folder, not a file\n") == (result.exit_code, result.stderr)


def test_a_scheduler_is_for_dask(rows: Path, model: Path, tmp_path: Path) -> None:
    """Without Dask it would be ignored."""
    result = run("predict", "--data", rows, "--model-path", model, "--scheduler", "tcp://127.0.0.1:1",
                 tmp_path / "out.csv")

    assert 2 == result.exit_code
    assert "--scheduler needs --engine dask" in result.stderr


def test_without_dask_the_extra_is_named(rows: Path, model: Path, tmp_path: Path) -> None:
    """Nothing is written."""
    done = run_process("predict", "--data", rows, "--model-path", model, "--engine", "dask", tmp_path / "parts",
                       environ=shadow(tmp_path, "dask", "distributed"))

    assert (1, "") == (done.returncode, done.stdout)
    assert "comes with the extra 'dask'" in done.stderr
    assert not os.path.exists(tmp_path / "parts")


@pytest.fixture(params=["s3", "gs"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with s3_bucket() if request.param == "s3" else gs_bucket(tmp_path / "objects") as bucket:
        yield bucket


def test_a_bucket_gets_the_same_files_as_a_folder(rows: Path, model: Path, tmp_path: Path, bucket: Bucket) -> None:
    """A second run writes none of them again."""
    url = bucket.url("predictions")
    predict(rows, model, tmp_path / "parts")

    first, objects = predict(rows, model, url), objects_at(url)
    second = predict(rows, model, url)

    assert (0, 0, "", "") == (first.exit_code, second.exit_code, first.stderr, second.stderr)
    assert contents(tmp_path / "parts") == {name: content for name, (content, _) in objects.items()}
    assert objects == objects_at(url)


def objects_at(url: str) -> dict[str, tuple[bytes, int]]:
    """Content and modification time of each object."""
    filesystem, path = FileSystem.from_uri(url)
    return {info.base_name: (filesystem.open_input_file(info.path).read(), info.mtime_ns)
            for info in filesystem.get_file_info(FileSelector(path))}
