"""``linear-regressor unlearn``: a new model with a receipt, or an error that leaves every file as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import Result

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from linear_regressor.data.dataset import read_diabetes
from linear_regressor.model.linear_regression import SimpleLinearRegression
from linear_regressor.output_file import locked
from linear_regressor.serving.app import create_app
from linear_regressor.serving.settings import Settings
from linear_regressor.training.config import TrainingConfig
from tests.command_line import ROOT, run, run_process
from tests.tables import rows_of, write

TRAIN = ("--features", "age,bmi", "--target", "score", "--standardize", "--min-r2", "0")


def train(data: Path, model: Path, *options: object) -> Artefact:
    """Train a model on a file."""
    done = run("train", "--data", data, *TRAIN, "--model-save-path", model, "--report-path", model.parent / "report",
               *options)
    assert 0 == done.exit_code, done.stderr
    return load(model)


def unlearn(data: Path, model: Path, *options: object) -> Result:
    """Remove rows from a model."""
    return run("unlearn", "--data", data, "--model-path", model, *options)


def assert_same_line(left: Artefact, right: Artefact) -> None:
    """Assert that weights, row counts and quantiles of two models are equal."""
    assert [*left.W, left.b] == pytest.approx([*right.W, right.b], rel=1e-9)
    assert left.moments.n == right.moments.n and left.quantiles == right.quantiles


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_unlearning_gives_the_model_without_the_rows(tmp_path: Path) -> None:
    """Rows that the hash kept for the test are skipped, as in training."""
    rows = rows_of(0, 600)
    write(tmp_path / "data" / "old.parquet", rows[:400])
    new = write(tmp_path / "data" / "new.csv", rows[400:])
    both = train(tmp_path / "data", tmp_path / "model.joblib")
    old = train(tmp_path / "data" / "old.parquet", tmp_path / "old.joblib")
    done = unlearn(new, tmp_path / "model.joblib")

    assert 0 == done.exit_code, done.stderr
    after = load(tmp_path / "model.joblib")
    assert_same_line(after, old)
    assert after.limits == [(None, None)] * 2 and both.moments.n > after.moments.n
    receipt = json.loads((tmp_path / f"model.receipt-{after.digest[:12]}.json").read_text())
    assert {"before": both.digest, "after": after.digest} == receipt["model"]
    assert receipt["rows"]["removed"] == both.moments.n - old.moments.n
    assert receipt["W"]["bmi"]["change"] == after.W[1] - both.W[1] and "unlearned_at" in receipt
    card = json.loads((tmp_path / "model.card.json").read_text())
    assert receipt["removed"] == card["unlearned"]["digests"] and card["data"]["rows"] == after.moments.n


def test_the_key_and_the_filter_of_the_training_apply_again(tmp_path: Path) -> None:
    """Rows that the training skipped are skipped."""
    rows, keys = rows_of(0, 600), [f"p{number}" for number in np.arange(600) // 3]
    options = ("--key", "patient", "--where", "age > 40 or bmi > 3")
    for name, part in (("old", slice(400)), ("new", slice(400, 600))):
        write(tmp_path / "data" / f"{name}.parquet", rows[part], patient=keys[part])
    train(tmp_path / "data", tmp_path / "model.joblib", *options)
    old = train(tmp_path / "data" / "old.parquet", tmp_path / "old.joblib", *options)
    first = unlearn(tmp_path / "data" / "new.parquet", tmp_path / "model.joblib", "--where", "age > 50")
    second = unlearn(tmp_path / "data" / "new.parquet", tmp_path / "model.joblib", "--where", "age <= 50")

    assert (0, 0) == (first.exit_code, second.exit_code), first.stderr + second.stderr
    assert_same_line(load(tmp_path / "model.joblib"), old)
    assert 2 == len(list(tmp_path.glob("model.receipt-*.json")))


def test_rows_of_the_committed_model_can_be_removed(tmp_path: Path) -> None:
    """The result is the fit to the other training rows of the diabetes set."""
    rows, _ = read_diabetes(["bmi"]).split_last(TrainingConfig.test_rows)
    table = pa.table({"bmi": rows.X[:100, 0], rows.target: rows.y[:100]})
    pa.parquet.write_table(table, tmp_path / "gone.parquet")
    done = unlearn(tmp_path / "gone.parquet", ROOT / "models" / "simple_linear_regressor.joblib",
                   "--model-save-path", tmp_path / "model.joblib")
    expected = SimpleLinearRegression(random_state=0).fit(rows.X[100:], rows.y[100:])

    assert 0 == done.exit_code, done.stderr
    after = load(tmp_path / "model.joblib")
    assert [*expected.W, expected.b] == pytest.approx([*after.W, after.b], rel=1e-9)
    assert 322 == after.moments.n


def test_the_new_model_is_served(tmp_path: Path) -> None:
    """Predictions, model information, page and OpenAPI description have no limits."""
    data = write(tmp_path / "all.csv", rows_of(0, 300))
    train(data, tmp_path / "model.joblib")
    unlearn(write(tmp_path / "some.csv", rows_of(0, 300)[:50]), tmp_path / "model.joblib")
    client = create_app(Settings.from_env({"MODEL_PATH": str(tmp_path / "model.joblib")})).test_client()

    assert 200 == client.post("/stream", json={"instance": [50.0, 3.0]}).status_code
    assert [["name", "slope", "mean"]] * 2 == [list(one) for one in client.get("/v1/model").get_json()["features"]]
    assert "unlearned" in client.get("/").text
    assert [200, 200] == [client.get(path).status_code for path in ("/docs", "/openapi.json")]


def test_an_error_leaves_every_file_as_it_was(tmp_path: Path) -> None:
    """Too many rows, other rows, the same rows twice, no rows, or rows that cannot be read: each is one line."""
    rows = rows_of(0, 300)
    train(write(tmp_path / "all.csv", rows), tmp_path / "model.joblib")
    some = write(tmp_path / "some.csv", rows[:40])
    assert 0 == unlearn(some, tmp_path / "model.joblib", "--model-save-path", tmp_path / "less.joblib").exit_code
    empty, bad = tmp_path / "empty.csv", tmp_path / "bad.csv"
    empty.write_text("age,bmi,score\n")
    bad.write_text("age,bmi,score\n50,3,x\n")
    far = write(tmp_path / "far.csv", rows[:9] + [500.0, 0.0, 0.0])
    wrongs = [(tmp_path / "all.csv", "model", "would be left"), (some, "less", "removed twice"),
              (far, "model", "'age' is outside"),
              (empty, "model", "no rows to remove"), (bad, "model", "column 'score', row 1"),
              (tmp_path / "all.csv", "none", "No such file")]
    before = contents(tmp_path)
    for data, model, words in wrongs:
        done = unlearn(data, tmp_path / f"{model}.joblib")
        assert (1, 1) == (done.exit_code, done.stderr.count("\n")) and words in done.stderr, done.stderr
    assert before == contents(tmp_path)


def test_mini_batches_cannot_be_unlearned(tmp_path: Path) -> None:
    """Moments do not have the rows of a batch."""
    data = write(tmp_path / "all.csv", rows_of(0, 300))
    train(data, tmp_path / "model.joblib", "--batch-size", "32", "--iterations", "5", "--lr", "0.01")
    done = unlearn(data, tmp_path / "model.joblib")
    assert 1 == done.exit_code and "mini-batches" in done.stderr


def test_a_full_disk_leaves_the_old_model_and_no_receipt(tmp_path: Path) -> None:
    """Whichever of the two does not fit."""
    rows = rows_of(0, 300)
    train(write(tmp_path / "all.csv", rows), tmp_path / "model.joblib")
    write(tmp_path / "some.csv", rows[:40])
    trial = tmp_path / "trial"
    unlearn(tmp_path / "some.csv", tmp_path / "model.joblib", "--model-save-path", trial / "model.joblib",
            "--receipt-path", trial / "receipt.json")
    fits, too_small = ((trial / name).stat().st_size for name in ("receipt.json", "model.joblib"))
    assert fits <= too_small - 50
    before, files = (tmp_path / "model.joblib").read_bytes(), set(os.listdir(tmp_path))
    for limit in (300, too_small - 50):
        done = run_process("unlearn", "--data", tmp_path / "some.csv", "--model-path", tmp_path / "model.joblib",
                           file_size_limit=limit)
        assert 1 == done.returncode and done.stderr.count("\n") == 1, done.stderr
        assert before == (tmp_path / "model.joblib").read_bytes() and files == set(os.listdir(tmp_path))


def test_the_outputs_are_written_to_the_given_paths(tmp_path: Path) -> None:
    """The old model stays if the new one has another path."""
    rows = rows_of(0, 300)
    before = train(write(tmp_path / "all.csv", rows), tmp_path / "model.joblib")
    done = unlearn(write(tmp_path / "some.csv", rows[:40]), tmp_path / "model.joblib",
                   "--model-save-path", tmp_path / "new" / "model.joblib", "--receipt-path", tmp_path / "receipt.json")
    assert 0 == done.exit_code and f"receipt      {tmp_path / 'receipt.json'}" in done.stdout
    assert load(tmp_path / "model.joblib").digest == before.digest
    assert json.loads((tmp_path / "receipt.json").read_text())["model"]["after"] == load(
        tmp_path / "new" / "model.joblib").digest


def test_a_card_that_cannot_be_written_leaves_the_old_model_and_no_receipt(tmp_path: Path) -> None:
    """The error names the card."""
    rows = rows_of(0, 300)
    train(write(tmp_path / "all.csv", rows), tmp_path / "model.joblib")
    some, card = write(tmp_path / "some.csv", rows[:40]), tmp_path / "model.card.json"
    card.unlink()
    card.mkdir()
    before = contents(tmp_path)
    done = unlearn(some, tmp_path / "model.joblib")
    assert (1, 1) == (done.exit_code, done.stderr.count("\n")), done.stderr
    assert f"its card {card} cannot be written: Is a directory" in done.stderr
    assert before == contents(tmp_path)


def test_an_existing_receipt_is_not_replaced(tmp_path: Path) -> None:
    """It may be that of other rows; nothing is read, and nothing is changed."""
    rows = rows_of(0, 300)
    train(write(tmp_path / "all.csv", rows), tmp_path / "model.joblib")
    (tmp_path / "receipt.json").write_text("older")
    before = contents(tmp_path)
    done = unlearn(tmp_path / "none.csv", tmp_path / "model.joblib", "--receipt-path", tmp_path / "receipt.json")
    assert 2 == done.exit_code and "receipt.json already exists" in done.stderr
    assert before == contents(tmp_path)


@pytest.mark.parametrize(("option", "name", "what"), [
    ("--receipt-path", "model.joblib", "is the model:"), ("--receipt-path", "model.card.json", "is the card of"),
    ("--receipt-path", "deep/../new.joblib", "is the new model:"),
    ("--receipt-path", "new.card.json", "is the card of"),
    ("--receipt-path", "some.csv", "already exists"), ("--model-save-path", "some.csv", "is a file of the data set:"),
    ("--model-save-path", "model.card.json", "is the card of")])
def test_inputs_are_not_overwritten(tmp_path: Path, option: str, name: str, what: str) -> None:
    """Neither by the receipt nor by the new model, by any path; only the model itself may be replaced."""
    rows = rows_of(0, 300)
    train(write(tmp_path / "all.csv", rows), tmp_path / "model.joblib")
    some = write(tmp_path / "some.csv", rows[:40])
    (tmp_path / "deep").mkdir()
    before = contents(tmp_path)
    new = () if option == "--model-save-path" else ("--model-save-path", tmp_path / "new.joblib")
    done = unlearn(some, tmp_path / "model.joblib", *new, option, tmp_path / name)
    assert 2 == done.exit_code and 1 == done.stderr.count("\n"), done.stderr
    assert what in done.stderr
    assert before == contents(tmp_path)


def test_a_filter_of_the_training_may_end_in_a_comment(tmp_path: Path) -> None:
    """So may the filter of the rows to remove."""
    rows, comment = rows_of(0, 600), ("--where", "age > 40 -- grown up")
    write(tmp_path / "data" / "old.parquet", rows[:400])
    new = write(tmp_path / "data" / "new.csv", rows[400:])
    train(tmp_path / "data", tmp_path / "model.joblib", *comment)
    old = train(tmp_path / "data" / "old.parquet", tmp_path / "old.joblib", *comment)
    done = unlearn(new, tmp_path / "model.joblib", "--where", "age > 0 -- all")
    assert 0 == done.exit_code, done.stderr
    assert_same_line(load(tmp_path / "model.joblib"), old)


def test_concurrent_runs_remove_the_rows_of_both(tmp_path: Path) -> None:
    """The second waits for the lock, and starts from the model of the first."""
    rows, model = rows_of(5, 900), tmp_path / "model.joblib"
    parts = [write(tmp_path / "data" / f"{number}.csv", rows[300 * number:][:300]) for number in range(3)]
    train(tmp_path / "data", model)
    stays = train(parts[2], tmp_path / "stays.joblib")
    less = tmp_path / "first" / "model.joblib"
    assert 0 == unlearn(parts[0], model, "--model-save-path", less).exit_code
    with locked(model):
        process = subprocess.Popen([sys.executable, str(ROOT / "main.py"), "unlearn", "--data", str(parts[1]),
                                    "--model-path", str(model)], stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        less.replace(model)

    assert 0 == process.wait(timeout=60)
    assert_same_line(load(model), stays)


@pytest.mark.parametrize("options", [(), ("--key", "id"), ("--test-fraction", "0.5")], ids=" ".join)
def test_overlapping_files_remove_no_row_twice(tmp_path: Path, options: tuple[str, ...]) -> None:
    """In another format and order, too; the file without the rows in common can be removed."""
    rows, ids = rows_of(11, 600), [number // 2 for number in range(600)]
    train(write(tmp_path / "data.parquet", rows, id=ids), tmp_path / "model.joblib", *options)
    left = train(write(tmp_path / "left.csv", rows[60:], id=ids[60:]), tmp_path / "left.joblib", *options)
    first = unlearn(write(tmp_path / "a.csv", rows[:40], id=ids[:40]), tmp_path / "model.joblib")
    before = (tmp_path / "model.joblib").read_bytes()
    overlap = write(tmp_path / "b.parquet", rows[59:29:-1], id=ids[59:29:-1])

    second = unlearn(overlap, tmp_path / "model.joblib")

    assert 0 == first.exit_code, first.stderr
    assert 1 == second.exit_code and before == (tmp_path / "model.joblib").read_bytes()
    assert "rows were removed from this model before: leave them out, or add --allow-duplicates" in second.stderr
    done = unlearn(write(tmp_path / "c.csv", rows[40:60], id=ids[40:60]), tmp_path / "model.joblib")
    assert 0 == done.exit_code, done.stderr
    assert_same_line(load(tmp_path / "model.joblib"), left)


def test_equal_rows_of_a_file_are_different_rows(tmp_path: Path) -> None:
    """Also if they have the same key; more of them in another file need an option."""
    rows = np.repeat(rows_of(12, 300), 2, axis=0)
    ids = [number // 2 for number in range(600)]
    train(write(tmp_path / "data.csv", rows, id=ids), tmp_path / "model.joblib", "--key", "id")
    left = train(write(tmp_path / "left.csv", rows[40:], id=ids[40:]), tmp_path / "left.joblib", "--key", "id")

    first = unlearn(write(tmp_path / "first.csv", rows[:30], id=ids[:30]), tmp_path / "model.joblib")
    half = write(tmp_path / "half.csv", rows[28:40], id=ids[28:40]), tmp_path / "model.joblib"
    other = unlearn(write(tmp_path / "other.csv", rows[30:40:2], id=ids[30:40:2]), tmp_path / "model.joblib")
    again = unlearn(write(tmp_path / "again.csv", rows[31:40:2], id=ids[31:40:2]), tmp_path / "model.joblib",
                    "--allow-duplicates")

    assert (0, 1) == (first.exit_code, unlearn(*half).exit_code)
    assert (0, 0) == (other.exit_code, again.exit_code), other.stderr + again.stderr
    assert_same_line(load(tmp_path / "model.joblib"), left)


def test_a_filter_of_an_earlier_version_in_the_card_is_translated(tmp_path: Path) -> None:
    """The rows that it excluded from the training are not removed."""
    rows = rows_of(3, 600)
    write(tmp_path / "data" / "old.parquet", rows[:400])
    new = write(tmp_path / "data" / "new.csv", rows[400:])
    model = tmp_path / "model.joblib"
    train(tmp_path / "data", model, "--where", "age > 40 and age < 1000")
    trained = load(model)
    card = {**trained.card, "settings": {**trained.card["settings"], "where": "40 < age < 1000 and not age == 0"}}
    save(replace(trained, card=card), model, {})
    old = train(tmp_path / "data" / "old.parquet", tmp_path / "old.joblib", "--where", "age > 40")
    done = unlearn(new, model)
    assert 0 == done.exit_code, done.stderr
    assert_same_line(load(model), old)
