"""``linear-regressor predict``."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from linear_regressor import SimpleLinearRegression
from linear_regressor.data.dataset import read_diabetes
from tests.command_line import run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model of two features."""
    path = tmp_path_factory.mktemp("model") / "model.joblib"
    assert 0 == run("train", "--features", "bp,bmi", "--model-save-path", path, "--report-path", path.parent).exit_code
    return path


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """The diabetes rows as a table with a text column, the features in another order than the model's."""
    X = read_diabetes(["bmi", "bp"]).X
    return pa.table({"bmi": X[:, 0], "name": [f"{row:04d}" for row in range(len(X))], "bp": X[:, 1]})


def write(table: pa.Table, path: Path) -> Path:
    """Write a table in the format of the file's ending."""
    (pa.csv.write_csv if path.suffix == ".csv" else pa.parquet.write_table)(table, path)
    return path


def read(path: Path) -> pa.Table:
    """Read a table in the format of the file's ending."""
    return (pa.csv.read_csv if path.suffix == ".csv" else pa.parquet.read_table)(path)


@pytest.mark.parametrize("ending_out", [".csv", ".parquet"])
@pytest.mark.parametrize("ending_in", [".csv", ".parquet"])
def test_predictions_are_those_of_the_estimator(tmp_path: Path, model: Path, rows: pa.Table, ending_in: str,
                                                ending_out: str) -> None:
    """To the last digit in each format, beside the columns of the data."""
    data = read_diabetes(["bp", "bmi"])
    before, _ = data.split_last(20)
    estimator = SimpleLinearRegression(random_state=0).fit(before.X, before.y)
    source, target = write(rows, tmp_path / f"in{ending_in}"), tmp_path / f"out{ending_out}"

    result = run("predict", source, target, "--model-path", model)

    table = read(target)
    assert (0, f"442 predictions in {target}\n", "") == (result.exit_code, result.stdout, result.stderr)
    assert ["bmi", "name", "bp", "prediction"] == table.column_names
    np.testing.assert_array_equal(estimator.predict(data.X), table["prediction"].to_numpy())
    np.testing.assert_array_equal(data.X[:, 1], table["bmi"].cast(pa.float64()).to_numpy())


def test_a_table_without_rows_gives_one_without_rows(tmp_path: Path, model: Path, rows: pa.Table) -> None:
    """A pipeline without rows is not an error."""
    source = write(rows.slice(0, 0), tmp_path / "in.csv")

    assert 0 == run("predict", source, tmp_path / "out.parquet", "--model-path", model).exit_code
    assert (0, 4) == read(tmp_path / "out.parquet").shape


@pytest.mark.parametrize("name", ["rows.parquet", "link.parquet", "folder/../rows.parquet"])
def test_the_data_are_not_overwritten(tmp_path: Path, model: Path, rows: pa.Table, name: str) -> None:
    """By any path that leads to the file: columns that are not copied would be lost."""
    path = write(rows, tmp_path / "rows.parquet")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.parquet").symlink_to(path)
    before = path.read_bytes()

    result = run("predict", path, tmp_path / name, "--only-prediction", "--model-path", model)

    assert (2, "") == (result.exit_code, result.stdout)
    assert f"Error: {tmp_path / name} is one of the input files; write to another file\n" == result.stderr
    assert before == path.read_bytes()


@pytest.mark.parametrize("output", [".", "out", "deep/out"])
def test_an_output_folder_within_the_data_is_rejected(tmp_path: Path, model: Path, rows: pa.Table,
                                                      output: str) -> None:
    """The next run would read the predictions as data."""
    path = write(rows, tmp_path / "rows.parquet")

    result = run("predict", "--data", tmp_path, tmp_path / output, "--engine", "dask", "--model-path", model)

    assert (2, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    assert f"must not be inside the data {tmp_path}" in result.stderr
    assert [path] == list(tmp_path.iterdir())


def test_the_filter_means_the_same_as_in_training(tmp_path: Path, model: Path) -> None:
    """Although the columns of a CSV file are copied as text, in which an empty one is a missing value."""
    (tmp_path / "rows.csv").write_text("bmi,bp,s,n\n1,2,f,1\n3,4,,2\n5,6,m,nan\n7,8,m,3\n")

    for where, count in (("s != 'f'", 2), ("not s = 'f'", 2), ("n != 1", 2), ("not n <= 1", 2)):
        result = run("predict", tmp_path / "rows.csv", tmp_path / "out.csv", "--model-path", model, "--where", where)
        assert f"{count} predictions in {tmp_path / 'out.csv'}\n" == result.stdout


@pytest.mark.parametrize(("content", "output", "exit_code", "message"), [
    ("bmi\n1\n", "out.csv", 1, "must have one column 'bp'"),
    ("bmi,bp\n1,2\n3,x\n", "out.csv", 1, "column 'bp', row 2 (counted from 1, without the header) is not a number"),
    ("bmi,bp\n1,2,3\n", "out.csv", 1, "row 1 (counted from 1, without the header) has 3 values, but the header has 2"),
    ("bmi,bp\n1,2\n", "out.xlsx", 2, "out.xlsx must end in .csv, .parquet, .feather, .arrow, .ndjson or .jsonl"),
    ("bmi,bp,prediction\n1,2,3\n", "out.csv", 1, "already have a column 'prediction'"),
    ("bmi,bp\n1,2\n", "in.csv/out.csv", 1, "in.csv: "),
], ids=["missing column", "bad value", "no table", "unknown format", "column in the way", "no folder"])
def test_an_error_is_one_line(tmp_path: Path, model: Path, content: str, output: str, exit_code: int,
                              message: str) -> None:
    """It says what is wrong and where; there is no output."""
    source = tmp_path / "in.csv"
    source.write_text(content)

    result = run("predict", source, tmp_path / output, "--model-path", model)

    assert (exit_code, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    assert message in result.stderr
    assert [source] == list(tmp_path.iterdir())


def test_a_missing_input_is_misuse(tmp_path: Path, model: Path) -> None:
    """The exit code is 2, and the line names the file."""
    result = run("predict", tmp_path / "none.csv", tmp_path / "out.csv", "--model-path", model)

    assert 2 == result.exit_code
    assert "none.csv" in result.stderr


def test_a_row_with_an_infinite_prediction_is_an_error(model: Path, tmp_path: Path) -> None:
    """It is named, and nothing is written."""
    (tmp_path / "rows.csv").write_text("bmi,bp\n0.1,0\n1e308,0\n")
    result = run("predict", tmp_path / "rows.csv", tmp_path / "out.csv", "--model-path", model)

    assert 1 == result.exit_code
    assert "row 2 " in result.stderr and "too large" in result.stderr
    assert not (tmp_path / "out.csv").exists()


ROWS = "id,bmi,bp\n007,0.1,0.2\n008,NA,0.1\n009,0.3,\n"


def test_rows_without_a_feature_are_counted(model: Path, tmp_path: Path) -> None:
    """By default they are an error that names the option."""
    (tmp_path / "in.csv").write_text(ROWS)

    refused = run("predict", tmp_path / "in.csv", tmp_path / "out.csv", "--model-path", model)
    result = run("predict", tmp_path / "in.csv", tmp_path / "out.csv", "--model-path", model, "--missing", "null")

    assert (1, 1) == (refused.exit_code, refused.stderr.count("\n"))
    assert "2 of its 3 rows have missing values: 1 without bmi, 1 without bp; --missing null leaves" in refused.stderr
    assert f"3 predictions in {tmp_path}/out.csv, 2 of them empty because a feature is missing\n" == result.stdout
    header, _, *empty = (tmp_path / "out.csv").read_text().splitlines()
    assert ("id,bmi,bp,prediction", ["008,NA,0.1,", "009,0.3,,"]) == (header, empty)


@pytest.mark.parametrize("name", ["prediction", "lower", "out_of_range", "contribution_bmi"])
def test_a_column_that_predict_adds_must_not_be_in_the_data(model: Path, tmp_path: Path, name: str) -> None:
    """The remedy is named, and works."""
    (tmp_path / "in.csv").write_text(f"bmi,bp,{name}\n1,2,3\n")
    command = ["predict", tmp_path / "in.csv", tmp_path / "out.csv", "--model-path", model, "--interval", "0.9",
               "--range", "--explain"]

    result = run(*command)

    assert 1 == result.exit_code and f"already have a column '{name}'" in result.stderr
    assert "--only-prediction" in result.stderr and 0 == run(*command, "--only-prediction").exit_code


def test_dask_writes_parquet_only(model: Path, tmp_path: Path) -> None:
    """Another format is misuse."""
    (tmp_path / "in.csv").write_text(ROWS)

    result = run("predict", tmp_path / "in.csv", tmp_path / "out", "--model-path", model, "--engine", "dask",
                 "--output-format", "csv")

    assert 2 == result.exit_code and "--engine dask writes Parquet." in result.stderr
