"""``linear-regressor train --data``, ``evaluate --data`` and ``predict --data``."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import Result

from linear_regressor.artefact.file import load
from tests.command_line import ROOT, clean_environ, run, run_process, shadow
from tests.data_sets import ENDINGS, rows, saved

COLUMNS = ("--features", "x1,x2,x3", "--target", "y")


def train(data: object, path: Path, *options: object) -> Result:
    """Train on a data set."""
    return run("train", "--data", data, *COLUMNS, "--model-save-path", path, "--report-path", path.parent / "reports",
               *options)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_commands_work_on_files_of_each_format(tmp_path: Path, random: np.random.Generator,
                                                   ending: str) -> None:
    """``train``, ``evaluate`` and ``predict``, on several files."""
    for number in range(3):
        saved(rows(random, 500), tmp_path / "rows" / f"{number}{ending}")
    model = tmp_path / "model.joblib"

    trained = train(tmp_path / "rows" / f"*{ending}", model)
    evaluated = run("evaluate", "--data", tmp_path / "rows", "--model-path", model)
    predicted = run("predict", "--data", tmp_path / "rows", tmp_path / "out.parquet", "--model-path", model)

    assert [(0, "")] * 3 == [(done.exit_code, done.stderr) for done in (trained, evaluated, predicted)]
    artefact = load(model)
    assert f"certificate  on its {artefact.moments.n:.0f} training rows" in trained.stdout
    assert f"on the {1500 - artefact.moments.n:.0f} rows" in trained.stdout
    assert {"fit.png", "losses.png"} == {path.name for path in (tmp_path / "reports").iterdir()}
    assert "on the 1500 rows\n" in evaluated.stdout
    assert f"1500 predictions in {tmp_path / 'out.parquet'}\n" == predicted.stdout
    table = pa.parquet.read_table(tmp_path / "out.parquet")
    X = np.column_stack([table[name].cast(pa.float64()) for name in ("x1", "x2", "x3")])
    assert X @ artefact.W + artefact.b == pytest.approx(table["prediction"].to_numpy())


def test_every_option_changes_the_model(tmp_path: Path, random: np.random.Generator) -> None:
    """The card has the given settings."""
    path = saved(rows(random, 1000), tmp_path / "rows.csv")
    digests, settings, where = set(), [], "x1 > -1 and \"group\" = 'a'"
    for options in ("", f"--where {shlex.quote(where)}", "--test-fraction 0.5", "--key id",
                    "--standardize --iterations 50", "--batch-size 64 --iterations 2 --lr 0.01"):
        assert 0 == train(path, tmp_path / "model", *shlex.split(options)).exit_code
        model = load(tmp_path / "model")
        digests.add(model.digest)
        settings.append(model.card["settings"])

    assert 6 == len(digests)
    assert [where, None] == [settings[1]["where"], settings[0]["where"]]
    assert [0.2, 0.5] == [settings[0]["test_fraction"], settings[2]["test_fraction"]]
    assert ["id", True, 64] == [settings[3]["key"], settings[4]["standardize"], settings[5]["batch_size"]]


def test_only_rows_that_match_the_filter_are_predicted_and_evaluated(tmp_path: Path,
                                                                     random: np.random.Generator) -> None:
    """It may compare columns that the model does not have."""
    table = rows(random, 1000)
    path, model = saved(table, tmp_path / "rows.csv"), tmp_path / "model"
    train(path, model)
    matching = table["group"].to_pylist().count("a")

    evaluated = run("evaluate", "--data", path, "--model-path", model, "--where", "\"group\" = 'a'")
    predicted = run("predict", path, tmp_path / "out.csv", "--model-path", model, "--where", "\"group\" = 'a'",
                    "--only-prediction")

    assert f"on the {matching} rows\n" in evaluated.stdout
    assert f"{matching} predictions in " in predicted.stdout
    assert ["prediction", matching + 1] == [(lines := (tmp_path / "out.csv").read_text().splitlines())[0], len(lines)]


def test_an_evaluation_needs_rows(tmp_path: Path, random: np.random.Generator) -> None:
    """A filter may match none; then there is nothing to predict, which is not an error."""
    path, model = saved(rows(random, 100), tmp_path / "rows.csv"), tmp_path / "model"
    train(path, model)

    evaluated = run("evaluate", "--data", path, "--model-path", model, "--where", "id < 0")
    predicted = run("predict", path, tmp_path / "out.csv", "--model-path", model, "--where", "id < 0")

    assert (1, f"Error: {path} has no rows to evaluate on\n") == (evaluated.exit_code, evaluated.stderr)
    assert (0, f"0 predictions in {tmp_path / 'out.csv'}\n") == (predicted.exit_code, predicted.stdout)


@pytest.mark.parametrize(("arguments", "message"), [
    (["train", "--data", "rows.csv"], "--data needs --features and --target: the names of its columns."),
    (["train", "--data", "rows.csv", "--features", "x1"], "--data needs --features and --target"),
    (["train", "--target", "y"], "--target needs --data."),
    (["train", "--test-fraction", "0.3"], "--test-fraction needs --data."),
    (["train", "--key", "id"], "--key needs --data."),
    (["train", "--where", "x1 > 0"], "--where needs --data."),
    (["train", "--engine", "local"], "--engine needs --data."),
    (["train", "--data", "rows.csv", *COLUMNS, "--scheduler", "tcp://127.0.0.1:1"], "--scheduler needs --engine dask"),
    (["train", "--data", "rows.csv", *COLUMNS, "--engine", "dask", "--scheduler", ""], "must be an address"),
    (["train", "--data", "rows.csv", *COLUMNS, "--test-fraction", "0"], "is not in the range 0<x<1"),
    (["train", "--data", "rows.csv", *COLUMNS, "--test-fraction", "1"], "is not in the range 0<x<1"),
    (["train", "--data", "rows.csv", *COLUMNS, "--test-fraction", "nan"], "'nan' is not a finite number"),
    (["train", "--data", "rows.csv", "--data", "more.csv", *COLUMNS], "more.csv does not exist"),
    (["train", "--data", "rows.csv", *COLUMNS, "--model-save-path", "ftp://bucket/a"], "must be a path, gs://bucket/"),
    (["train", "--data", "rows.csv", *COLUMNS, "--model-save-path", "gs://bucket/a/"], "does not name an object"),
    (["train", "--data", "rows.csv", *COLUMNS, "--model-save-path",
      "gs://me:secret@bucket/a"], "credentials do not"),  # pragma: allowlist secret  # it must be refused
    (["evaluate", "--data", "rows.csv", "--model-path", "http://host/model"], "must be a path, gs://bucket/path"),
    (["serve", "--model-path", "gs://bucket/a"], "'linear-regressor models fetch URL PATH' copies a model to it"),
    (["train", "--data", "rows.csv", *COLUMNS, "--report-path", "s3://bucket/report"], "'s3://bucket/report' is a URL"),
    (["unlearn", "--data", "rows.csv", "--receipt-path", "gs://bucket/a.json"], "'gs://bucket/a.json' is a URL"),
    (["moments", "build", "--data", "rows.csv", *COLUMNS, "--output", "s3://bucket/a.json"], "is a URL"),
    (["predict", "rows.csv", "gs://bucket/out.csv", "--model-path", "MODEL"], "which needs --engine dask"),
    (["predict", "rows.csv", ".", "--model-path", "MODEL"], "must end in"),
    (["train", "--data", "rows.csv", *COLUMNS, "--key", "x1"], "'x1' is named twice"),
    (["train", "--data", "rows.csv", *COLUMNS, "--where", "x1 and x1 > 0"], "uses column 'x1' as"),
    (["train", "--data", "none.csv", *COLUMNS], "none.csv does not exist"),
    (["train", "--data", "rows.xlsx", *COLUMNS], "rows.xlsx must end in .csv"),
    (["train", "--data", "ftp://rows.csv", *COLUMNS], "must be a path, a glob, gs://bucket/path or s3://bucket/path"),
    (["train", "--data", "rows.csv", *COLUMNS, "--batch-size", "65537", "--iterations", "1"],
     "a batch of a stream has at most 65536 rows"),
    (["train", "--data", "rows.csv", *COLUMNS, "--batch-size", "8"], "--batch-size needs --iterations: the number of"),
    (["train", "--data", "rows.csv", *COLUMNS, "--no-report", "--report-path", "reports"], "--no-report switches off"),
    (["train", "--no-report", "--report-path", "reports"], "--no-report switches off"),
    (["evaluate", "--where", "x1 > 0"], "--where needs --data."),
    (["predict", "out.csv"], "name the data once"),
    (["predict", "rows.csv", "out.csv", "--data", "rows.csv"], "name the data once"),
    (["predict", "--data", "none/*.csv", "out.csv", "--model-path", "MODEL"], "none/*.csv matches no file"),
    (["predict", "--data", "rows.csv", "out.xlsx", "--model-path", "MODEL"], "out.xlsx must end in .csv, .parquet"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_misuse_is_one_line(tmp_path: Path, random: np.random.Generator, monkeypatch: pytest.MonkeyPatch,
                            arguments: list[str], message: str) -> None:
    """The exit code is 2, and nothing is written."""
    saved(rows(random, 50), tmp_path / "rows.csv")
    (tmp_path / "rows.xlsx").touch()
    monkeypatch.chdir(tmp_path)
    model = ROOT / "models" / "simple_linear_regressor.joblib"

    result = run(*[str(model) if argument == "MODEL" else argument for argument in arguments])

    assert (2, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    assert message in result.stderr
    assert ["rows.csv", "rows.xlsx"] == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_row_that_cannot_be_used_is_one_line(tmp_path: Path, random: np.random.Generator, ending: str,
                                               command: str) -> None:
    """With file, column and row; the exit code is 1, and nothing is written but the checkpoint."""
    table = rows(random, 300)
    model = tmp_path / "model"
    train(saved(table, tmp_path / "good.parquet"), model)
    column = table["x2"].to_pylist()
    column[199] = None
    saved(table, tmp_path / "rows" / f"a{ending}")
    path = saved(table.set_column(2, "x2", pa.array(column)).slice(3), tmp_path / "rows" / f"b{ending}", 64)
    before = sorted(path for path in tmp_path.iterdir())

    result = {"train": lambda: train(tmp_path / "rows", tmp_path / "other"),
              "evaluate": lambda: run("evaluate", "--data", tmp_path / "rows", "--model-path", model),
              "predict": lambda: run("predict", "--data", tmp_path / "rows", tmp_path / "out.csv", "--model-path",
                                     model)}[command]()

    counted_rows, remedy = ("its 297 rows", "null leaves their predictions empty") if command == "predict" else (
        "597 rows", "drop leaves them out")
    end = f"1 of {counted_rows} has missing values: 1 without x2; --missing {remedy}"
    assert (1, "", f"Error: {path}: column 'x2', row 197 (counted from 1, without the header) is missing; {end}\n") == (
        result.exit_code, result.stdout, result.stderr)
    left = set(tmp_path.iterdir()) - set(before)
    assert ({tmp_path / "other.progress"} if command == "train" else set()) == left


def test_a_full_disk_is_one_line_and_the_next_run_continues(tmp_path: Path, random: np.random.Generator) -> None:
    """Even if the checkpoint is what does not fit."""
    for number in range(30):
        saved(rows(random, 50), tmp_path / "rows" / f"{number}.csv")
    options = ("train", "--data", tmp_path / "rows", *COLUMNS, "--model-save-path", tmp_path / "model",
               "--report-path", tmp_path / "reports")

    stopped = run_process(*options, file_size_limit=8192, environ={"PYTHONDONTWRITEBYTECODE": "1"})
    done = run_process(*options)

    assert (1, "", f"Error: {tmp_path / 'model.progress'}: File too large\n") == (
        stopped.returncode, stopped.stdout, stopped.stderr)
    assert 0 == done.returncode
    assert f"of 30 partitions are restored from {tmp_path / 'model.progress'}\n" in done.stderr
    assert not (tmp_path / "model.progress").exists()


def test_a_missing_library_is_one_line_that_says_how_to_install_it(tmp_path: Path, random: np.random.Generator) -> None:
    """It names the extra."""
    path = saved(rows(random, 50), tmp_path / "rows.csv")

    done = run_process("train", "--data", path, *COLUMNS, "--model-save-path", tmp_path / "model",
                       environ=shadow(tmp_path, "scipy"))

    assert (1, "Error: scipy is not installed; it comes with the extra 'training': pip install '.[training]' in a "
            "checkout\n") == (done.returncode, done.stderr)


def test_a_terminal_shows_rows_speed_and_time_left(tmp_path: Path, random: np.random.Generator) -> None:
    """On standard error; standard output, a pipe here, has only the results."""
    path = saved(rows(random, 2000), tmp_path / "rows.csv")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, str(ROOT / "main.py"), "train", "--data", str(path), *COLUMNS, "--batch-size", "8",
               "--iterations", "20", "--lr", "0.01", "--model-save-path", str(tmp_path / "model"), "--report-path",
               str(tmp_path / "reports")]

    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.PIPE, env=clean_environ({}), text=True) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        assert process.stdout is not None
        printed = process.stdout.read()
    os.close(ours)

    assert 0 == process.returncode
    assert b"rows/s" in shown and b"100%" in shown
    assert printed.startswith("slope ") and "rows/s" not in printed


def _read(terminal: int) -> bytes:
    """Read from a terminal; empty once its other side is closed."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


@pytest.mark.parametrize("options", [(), ("--batch-size", "256", "--iterations", "3", "--lr", "0.01")],
                         ids=["all rows", "mini-batches"])
def test_killed_runs_end_with_the_same_bytes(tmp_path: Path, random: np.random.Generator,
                                             options: tuple[str, ...]) -> None:
    """SIGKILL at random times, ten times: the model is that of an undisturbed run, and nothing else is left."""
    for number in range(12):
        saved(rows(random, 20_000), tmp_path / "rows" / f"{number:02}{ENDINGS[number % 2]}", 5000)
    command = [sys.executable, str(ROOT / "main.py"), "train", "--data", str(tmp_path / "rows"), *COLUMNS, *options,
               "--report-path", str(tmp_path / "reports"), "--model-save-path"]
    environ = clean_environ({})
    start = time.monotonic()
    subprocess.run([*command, str(tmp_path / "undisturbed")], env=environ, check=True, capture_output=True, timeout=120)
    length = time.monotonic() - start

    kills = 0
    while kills < 10:
        process = subprocess.Popen([*command, str(tmp_path / "model")], env=environ, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=length * random.uniform(0.3, 1.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        if (tmp_path / "model").exists() and not (tmp_path / "model.progress").exists():
            assert (tmp_path / "undisturbed").read_bytes() == (tmp_path / "model").read_bytes()
            (tmp_path / "model").unlink()
    subprocess.run([*command, str(tmp_path / "model")], env=environ, check=True, capture_output=True, timeout=120)

    assert (tmp_path / "undisturbed").read_bytes() == (tmp_path / "model").read_bytes()
    assert not (tmp_path / "model.progress").exists()


@pytest.mark.parametrize("constant", [1e200, 1.797e308])
def test_a_column_that_only_scaling_can_use_has_no_plain_descent(tmp_path: Path, random: np.random.Generator,
                                                                 constant: float) -> None:
    """A huge constant for missing values; its squares leave the range of float64, so that nothing can be compared."""
    table = rows(random, 300)
    path = saved(table.set_column(table.column_names.index("x2"), "x2", pa.array([constant] * 300)), tmp_path / "a.csv")

    done = train(path, tmp_path / "model", "--report")

    assert (0, "") == (done.exit_code, done.stderr)
    assert "\ndescent      converged in " in done.stdout and "without --standardize" not in done.stdout
    assert f"\nmodel        {tmp_path / 'model'}\n" in done.stdout and "\ndependent    " in done.stdout
    assert 2 == len(list((tmp_path / "reports").iterdir()))


def test_the_data_are_not_replaced_by_the_model(tmp_path: Path, random: np.random.Generator) -> None:
    """By any path that leads to one of the files."""
    for number in range(2):
        saved(rows(random, 100), tmp_path / "rows" / f"{number}.csv")
    before = (tmp_path / "rows" / "1.csv").read_bytes()
    done = train(tmp_path / "rows", tmp_path / "rows" / ".." / "rows" / "1.csv")
    assert (2, 1) == (done.exit_code, done.stderr.count("\n"))
    assert "1.csv is a file of the data set: name another file" in done.stderr
    assert before == (tmp_path / "rows" / "1.csv").read_bytes()


@pytest.mark.parametrize(("data", "schema", "model", "message"), [
    ("runs.jsonl", None, "model.joblib", "its log of runs {}/runs.jsonl is a file of the data set"),
    ("model.card.json", None, "model.joblib", "its card {}/model.card.json is a file of the data set"),
    ("rows.csv", None, "runs.jsonl", "--model-save-path {}/runs.jsonl is its own log of runs"),
    ("rows.csv", "s.yaml", "s.yaml", "--model-save-path {}/s.yaml is the schema"),
    ("rows.csv", "m.progress", "m", "its progress {}/m.progress is the schema"),
    ("rows.csv", "runs.jsonl", "model.joblib", "its log of runs {}/runs.jsonl is the schema")])
def test_what_is_kept_beside_the_model_replaces_no_input(tmp_path: Path, random: np.random.Generator, data: str,
                                                         schema: str | None, model: str, message: str) -> None:
    """Nor does the model replace its log, whose file a run would be appended to."""
    if data == "rows.csv":
        saved(rows(random, 100), tmp_path / data)
    else:
        lines = [json.dumps(row) for row in rows(random, 100).to_pylist()]
        (tmp_path / data).write_text("\n".join(lines) if data == "runs.jsonl" else f"[{','.join(lines)}]")
    if schema is not None:
        assert run("verify", tmp_path / data, "--schema", tmp_path / schema, "--learn").exit_code == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = train(tmp_path / data, tmp_path / model, *(() if schema is None else ("--schema", tmp_path / schema)))
    assert (2, 1) == (done.exit_code, done.stderr.count("\n")) and message.format(tmp_path) in done.stderr
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize("name", ["a.csv/y.joblib", "a.csv/deep/y.joblib"])
def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path, random: np.random.Generator, name: str) -> None:
    """The line names the output, too."""
    path = saved(rows(random, 100), tmp_path / "a.csv")
    done = train(path, tmp_path / name)
    assert (1, 1) == (done.exit_code, done.stderr.count("\n"))
    assert f"{tmp_path / name}.progress: cannot be written, because " in done.stderr
    assert done.stderr.endswith("is not a folder\n")


def test_a_huge_loss_is_not_printed_with_all_its_digits(tmp_path: Path, random: np.random.Generator) -> None:
    """float64 does not have them."""
    table = rows(random, 200)
    table = table.set_column(table.column_names.index("y"), "y", pa.array(table["y"].to_numpy() * 1e92))
    done = train(saved(table, tmp_path / "rows.parquet"), tmp_path / "model.joblib")
    assert 0 == done.exit_code, done.stderr
    assert max(map(len, done.stdout.splitlines()[:-3])) < 160 and "e+18" in done.stdout


def test_an_output_that_is_a_folder_is_rejected_before_the_data_are_read(tmp_path: Path) -> None:
    """And not after all rows were predicted."""
    (tmp_path / "out.csv").mkdir()
    done = run("predict", tmp_path / "rows.csv", tmp_path / "out.csv", "--model-path",
               ROOT / "models" / "simple_linear_regressor.joblib")

    assert (2, "is a folder" in done.stderr) == (done.exit_code, True)


def test_columns_may_have_any_name(tmp_path: Path, random: np.random.Generator) -> None:
    """A name with a comma, or a blank at its edge, is given in double quotes."""
    path = saved(rows(random, 100).rename_columns(["id", "a,b", " x", "x3", "group", "y"]), tmp_path / "rows.csv")
    named = ("--target", "y", "--model-save-path", tmp_path / "model", "--report-path", tmp_path / "reports")
    done = run("train", "--data", path, "--features", '"a,b", " x",x3', *named)
    wrong = run("train", "--data", path, "--features", "x,x3", *named)

    assert (0, "") == (done.exit_code, done.stderr)
    assert ("a,b", " x", "x3") == load(tmp_path / "model").features
    assert (f"{path} must have one column 'x'; its columns: id, 'a,b', ' x', x3, group, y; name it with its blanks"
            in wrong.stderr)


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
def test_a_header_that_is_not_utf_8_is_an_error_that_names_the_file(tmp_path: Path, command: str) -> None:
    """Spreadsheets write such files."""
    (tmp_path / "latin.csv").write_bytes(b"bmi,y,n\xe4me\n1,2,3\n2,3,4\n")
    model = ("--model-path", ROOT / "models" / "simple_linear_regressor.joblib")
    options = {"train": ("--features", "bmi", "--target", "y"), "evaluate": model,
               "predict": (*model, tmp_path / "out.csv")}
    done = run(command, "--data", tmp_path / "latin.csv", *options[command])

    assert 1 == done.exit_code
    assert done.stderr.startswith(f"Error: {tmp_path / 'latin.csv'}") and "utf-8" in done.stderr.lower()


def test_a_filter_that_compares_a_date_with_text_is_an_error(tmp_path: Path, random: np.random.Generator) -> None:
    """It names the column and its type; a CSV file has no dates."""
    days = pa.array(np.arange(100), pa.timestamp("us"))
    path = saved(rows(random, 100).append_column("day", days), tmp_path / "rows.parquet")
    done = train(path, tmp_path / "model", "--where", "day > '1970-01-01'")

    assert (1, f"Error: {path}: column 'day' is timestamp[us], which the filter cannot compare with text: "
            "write DATE '2026-01-31' or TIMESTAMP '2026-01-31 12:00:00'\n") == (done.exit_code, done.stderr)
