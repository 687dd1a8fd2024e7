"""``linear-regressor train --schema``: rows that fail train nothing, and the card has what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from linear_regressor.artefact.file import load
from linear_regressor.verification.schema import Schema
from tests.command_line import run, run_process
from tests.tables import rows_of, write

COLUMNS = ("--features", "age,bmi", "--target", "score")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write a data set."""
    return write(tmp_path / "rows" / "data.csv", rows_of(1, 300))


@pytest.fixture
def schema(tmp_path: Path, data: Path) -> Path:
    """Learn its schema."""
    path = tmp_path / "schema.yaml"
    assert run("verify", data, "--schema", path, "--learn").exit_code == 0
    return path


def limited(schema: Path, declared: str) -> Path:
    """Declare a limit of the age."""
    schema.write_text(schema.read_text().replace("- name: age\n", f"- name: age\n  {declared}\n"))
    return schema


def train(data: Path, *options: object) -> Result:
    """Train a model in a folder of its own."""
    return run("train", "--data", data, *COLUMNS, "--model-save-path", data.parents[1] / "made" / "model.joblib",
               *options)


def entry(data: Path) -> dict[str, Any]:
    """What the model file and the card beside it say of the verification: the same."""
    model = data.parents[1] / "made" / "model.joblib"
    found: dict[str, Any] = load(model).card["verification"]
    assert json.loads(model.with_suffix(".card.json").read_text())["verification"] == found
    return found


def test_rows_that_pass_are_trained_on_and_the_card_says_so(data: Path, schema: Path) -> None:
    """One line, and no difference to the model without verification but that entry and the digest of the schema."""
    done = train(data, "--schema", schema)
    digest = Schema.load(schema).digest
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"verified     300 rows against schema {digest[:19]}: 0 errors, 0 warnings\n" in done.stdout
    assert entry(data) == {"rows": 300, "schema_digest": digest, "passed": True, "errors": 0, "warnings": 0,
                           "findings": []}
    verified = load(data.parents[1] / "made" / "model.joblib")
    assert train(data).exit_code == 0
    plain = load(data.parents[1] / "made" / "model.joblib")
    assert verified.card.pop("schema_digest") == digest
    assert verified.card.pop("verification") and verified.to_plain() | {"sha256": ""} == plain.to_plain() | {
        "sha256": ""}


def test_an_error_trains_nothing_and_writes_nothing(data: Path, schema: Path) -> None:
    """The report on standard output, one line on standard error, exit code 5; the older model stays."""
    limited(schema, "maximum: 60")
    done = run_process("train", "--data", data, *COLUMNS, "--model-save-path", data.parents[1] / "made" / "m.joblib",
                       "--schema", schema)
    assert done.returncode == 5
    assert "error    range  column 'age' has" in done.stdout and "rows " in done.stdout
    assert done.stdout.endswith("1 error, 0 warnings\n")
    assert done.stderr == (f"Error: {data} failed its verification, 300 rows against schema "
                           f"{Schema.load(schema).digest[:19]}: 1 error, 0 warnings (range): nothing was written; "
                           "correct the rows or the schema\n")
    assert not (data.parents[1] / "made").exists()


def test_a_warning_is_printed_and_training_goes_on(data: Path, schema: Path) -> None:
    """The card names the check."""
    plain = Schema.load(schema).to_plain()
    plain["columns"] = [column for column in plain["columns"] if column["name"] != "bmi"]
    Schema.from_plain(plain | {"reference": None}).save(schema)
    done = train(data, "--schema", schema)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "warning  unknown-column" in done.stdout and "0 errors, 1 warning\n" in done.stdout
    found = entry(data)
    assert (found["passed"], found["errors"], found["warnings"], found["findings"]) == (True, 0, 1, ["unknown-column"])


def test_without_a_schema_one_line_says_that_nothing_was_verified(data: Path) -> None:
    """The card has no entry; the diabetes set has no schema and no such line."""
    done = train(data)
    assert done.exit_code == 0 and done.stdout.count("verified     no: name the schema") == 1
    assert "verification" not in load(data.parents[1] / "made" / "model.joblib").card
    assert "verified" not in run("train", "--model-save-path", data.parents[1] / "made" / "other.joblib",
                                 "--no-report").stdout


def test_rows_that_a_filter_leaves_out_are_verified_too(data: Path, schema: Path) -> None:
    """All rows of the data set."""
    limited(schema, "maximum: 60")
    assert train(data, "--schema", schema, "--where", "age < 55").exit_code == 5


def test_a_model_on_standard_output_is_alone_there(data: Path, schema: Path, tmp_path: Path) -> None:
    """The report goes to standard error."""
    limited(schema, "maximum: 60")
    done = run_process("train", "--data", data, *COLUMNS, "--model-save-path", "/dev/stdout", "--schema", schema)
    assert (done.returncode, done.stdout) == (5, "")
    assert "error    range" in done.stderr


@pytest.mark.parametrize(("options", "exit_code", "words"), [
    (("--schema", "none.yaml"), 1, "cannot use the schema none.yaml"),
    (("--schema", "DATA"), 1, "it is not"), (("--schema", "."), 2, "'--schema'")])
def test_a_schema_that_cannot_be_read_is_one_line(data: Path, options: tuple[str, ...], exit_code: int,
                                                  words: str) -> None:
    """Nothing is trained."""
    done = train(data, *(str(data) if each == "DATA" else each for each in options))
    assert done.exit_code == exit_code and words in done.stderr and not (data.parents[1] / "made").exists()


def test_a_schema_needs_data(schema: Path) -> None:
    """The diabetes set is what it is."""
    done = run("train", "--schema", schema)
    assert done.exit_code == 2 and "--schema needs --data" in done.stderr


@pytest.mark.parametrize(("options", "message"), [
    (["--scheduler", "tcp://127.0.0.1:1"], "--scheduler needs --engine dask"),
    (["--batch-size", "70000", "--iterations", "1"], "a batch of a stream has at most 65536 rows"),
])
def test_misuse_is_found_before_the_rows_are_verified(data: Path, schema: Path, options: list[str],
                                                      message: str) -> None:
    """Rows that fail end with exit code 5, perhaps after hours."""
    done = train(data, "--schema", limited(schema, "maximum: 30"), *options)
    assert (2, "") == (done.exit_code, done.stdout) and message in done.stderr
