"""Columns that folders add are ordinary columns, in every format."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.errors import DataError
from linear_regressor.files.locations import Locations
from linear_regressor.files.reading import Reading
from linear_regressor.formats import registry
from tests.command_line import run
from tests.data_sets import ENDINGS, rows, saved

COLUMNS = ("--features", "x1,k", "--target", "y", "--key", "id", "--where", "k <= 3 and day <> 'b'")


@pytest.fixture(params=ENDINGS)
def folders(request: pytest.FixtureRequest, tmp_path: Path, random: np.random.Generator) -> tuple[Path, Path]:
    """Write the same rows twice: with their columns in folders, and in one file a folder that has the columns."""
    for k in range(4):
        for day in ("a", "b", "c/d"):
            table = rows(random, 40).drop_columns(["group"])
            path = f"k={k}/day={day.replace('/', '%2F')}/rows{request.param}"
            saved(table, tmp_path / "folders" / path)
            table = table.append_column("k", pa.array([k] * 40)).append_column("day", pa.array([day] * 40))
            saved(table, tmp_path / "plain" / path.replace("=", "-"))
    return tmp_path / "folders", tmp_path / "plain"


def test_training_equals_that_on_columns_of_the_files(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """As feature and in the filter."""
    models = []
    for folder in folders:
        done = run("train", "--data", folder, *COLUMNS, "--model-save-path", tmp_path / "model")
        assert 0 == done.exit_code, done.output
        models.append([line for line in done.output.splitlines() if line.split()[0] in ("slope", "intercept", "MSE")])

    assert models[0] == models[1] and 4 == len(models[0])


def test_a_column_of_a_folder_can_be_the_target(folders: tuple[Path, Path]) -> None:
    """Its text is converted to numbers."""
    partitions = Source.of(str(folders[0]), Columns(("x1",), "k")).partitions()

    values = [block[:, 1].copy() for partition in partitions for block in partition.blocks()]

    assert [0.0, 1.0, 2.0, 3.0] == np.unique(np.concatenate(values)).tolist()


def test_predictions_have_the_columns(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """As the text that the names of the folders have."""
    assert 0 == run("train", "--data", folders[0], "--features", "x1,k", "--target", "y", "--model-save-path",
                    tmp_path / "model").exit_code

    done = run("predict", "--data", folders[0], "--model-path", tmp_path / "model", tmp_path / "out.parquet")

    assert 0 == done.exit_code, done.output
    out = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert {"a", "b", "c/d"} == set(out["day"].to_pylist()) and {"0", "1", "2", "3"} == set(out["k"].to_pylist())


def test_show_and_verify_know_the_columns(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """The digest is that of the columns in the files."""
    digests = [run("data", "show", folder).output.splitlines()[0] for folder in folders]
    learned = run("verify", folders[0], "--schema", tmp_path / "schema.yaml", "--learn")

    assert digests[0] == digests[1] and digests[0].startswith("digest")
    assert 0 == learned.exit_code and "day" in (tmp_path / "schema.yaml").read_text()
    only = run("data", "show", folders[0], "--columns", "day")
    assert "rows         480" in only.output, only.output


def test_a_missing_value_is_missing(folders: tuple[Path, Path]) -> None:
    """An error names the first row."""
    (folders[0] / "k=0").rename(folders[0] / "k=__HIVE_DEFAULT_PARTITION__")
    partitions = Source.of(str(folders[0]), Columns(("x1", "k"), "y")).partitions()

    error = next(partition.explain() for partition in partitions if ("k", None) in partition.file.folder_columns)

    assert re.search(r"k=__HIVE_DEFAULT_PARTITION__/day=a/rows\.\w+: column 'k', row 1 \(.*\) is missing", str(error))


def test_a_column_of_a_folder_can_be_the_key(folders: tuple[Path, Path]) -> None:
    """All rows of a folder have the same hash."""
    for partition in Source.of(str(folders[0]), Columns(("x1",), "y", key="day")).partitions():
        assert 1 == len(np.unique(np.concatenate([hashes.copy() for _, hashes in partition.hashed_blocks()])))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("values", "folder", "agree"), [
    (["1", "1"], "1", True), (["1", "1"], "01", True), (["1", "2"], "1", False), (["a", "a"], "A", True),
    (["a", "b"], "a", False), ([1, 1], "1.0", True), ([1, 2], "1", False),
    ([None, None], "__HIVE_DEFAULT_PARTITION__", True), (["1", None], "1", False)], ids=str)
def test_a_column_of_the_file_must_agree(tmp_path: Path, ending: str, values: list[object], folder: str,
                                         agree: bool) -> None:
    """Polars writes such files; the column stays as the file has it."""
    saved(pa.table({"x": [1.0, 2.0], "k": values}), tmp_path / f"k={folder}" / f"rows{ending}")
    form = registry.of(Locations((str(tmp_path),)).files()[0])
    assert ["x", "k"] == form.names() == form.schema().names

    def read() -> list[pa.RecordBatch]:
        return list(form.batches(["k", "x"], {"k": pa.string(), "x": pa.float64()}, None))

    if agree:
        assert [1.0, 2.0] == [value for batch in read() for value in batch.column("x").to_pylist()]
    else:
        with pytest.raises(DataError, match="column 'k' has a value .* that is not the one of its folder"):
            read()


@pytest.mark.parametrize(("hide", "shown"), [(False, "'" + "v" * 40 + "'"), (True, "value that")])
def test_a_value_is_cut_or_hidden(tmp_path: Path, hide: bool, shown: str) -> None:
    """As the reading says."""
    (tmp_path / "k=1").mkdir()
    (tmp_path / "k=1/a.csv").write_text(f"x,k\n1,{'v' * 50}\n")
    (file,) = Locations((str(tmp_path),), Reading(hide_values=hide)).files()

    with pytest.raises(DataError) as caught:
        list(registry.of(file).batches(["k"], {"k": pa.string()}, None))

    assert shown in str(caught.value) and "v" * 41 not in str(caught.value)


def test_copies_keep_the_folders(tmp_path: Path) -> None:
    """``ingest`` copies into the same folders, and a second run finds its own copies."""
    source = tmp_path / "t/a b=x%2Fy/k=__HIVE_DEFAULT_PARTITION__"
    source.mkdir(parents=True)
    (source / "rows.csv").write_text("x,y\n1,2\n3,4\n")

    for _ in range(2):
        assert 0 == run("ingest", tmp_path / "t", tmp_path / "copy").exit_code

    (before,), (after,) = (Locations((str(tmp_path / name),)).files() for name in ("t", "copy"))
    assert before.folder_columns == after.folder_columns == (("a b", "x/y"), ("k", None))
    assert (source / "rows.csv").read_bytes() == Path(after.path).read_bytes()
