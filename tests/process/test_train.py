"""``linear-regressor train``."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.output_file import locked
from tests.command_line import ROOT, clean_environ, run, run_process, shadow


def train(folder: Path, *options: object) -> Result:
    """Train in this process, with all output in one folder."""
    return run("train", "--model-save-path", folder / "model.joblib", "--report-path", folder / "reports", *options)


def trained(folder: Path, *options: object) -> Artefact:
    """Train and load the model."""
    result = train(folder, *options)
    assert 0 == result.exit_code, result.stderr
    return load(folder / "model.joblib")


def test_it_prints_the_line_its_errors_and_the_certificate(tmp_path: Path) -> None:
    """With the defaults R2 is 0.47."""
    result = train(tmp_path)

    artefact = load(tmp_path / "model.joblib")
    lines = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()}
    assert 0 == result.exit_code
    assert pytest.approx(artefact.W[0], rel=1e-9) == float(lines["slope"])
    assert pytest.approx(artefact.b, rel=1e-9) == float(lines["intercept"])
    assert pytest.approx(2549.26, abs=0.01) == float(lines["MSE"])
    assert pytest.approx(0.47, abs=0.005) == float(lines["R2"])
    assert "certificate  on its 422 training rows the loss is 3955.022337; no line gets more than " in result.stdout


def test_it_writes_model_card_and_report(tmp_path: Path) -> None:
    """Under the given paths, which are printed."""
    result = train(tmp_path)

    card = json.loads((tmp_path / "model.card.json").read_text())
    assert load(tmp_path / "model.joblib").digest == card["sha256"]
    assert {"fit.png", "losses.png"} == {path.name for path in (tmp_path / "reports").iterdir()}
    for name in ("model.joblib", "reports/fit.png", "reports/losses.png"):
        assert str(tmp_path / name) in result.stdout


@pytest.mark.parametrize(("options", "settings"), [
    (["--iterations", "1", "--min-r2", "-9"], {"iterations": 1, "min_r2": -9.0}),
    (["--lr", "0.2"], {"lr": 0.2, "lr_used": 0.2}),
    (["--lr", "auto"], {"lr": "auto"}),
    (["--batch-size", "50"], {"batch_size": 50}),
    (["--random-state", "7"], {"random_state": 7}),
    (["--features", "bp", "--min-r2", "-9"], {"features": ["bp"]}),
    (["--features", "bmi,bp"], {"features": ["bmi", "bp"]}),
    (["--features", "bmi", "--features", "bp"], {"features": ["bmi", "bp"]}),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_every_option_changes_the_model(tmp_path: Path, options: list[str], settings: dict[str, Any]) -> None:
    """The card has the given settings, and the weights differ from the default ones."""
    few = [] if "--iterations" in options else ["--iterations", "5000"]
    usual = trained(tmp_path, "--iterations", "5000")

    model = trained(tmp_path, *few, *options)

    assert settings == {name: model.card["settings"][name] for name in settings}
    assert usual.W.tolist() != model.W.tolist()


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    """The model file depends neither on the hash seed nor on time or path."""
    for seed, name in enumerate(("one", "two")):
        done = run_process("train", "--batch-size", 64, "--iterations", 900, "--model-save-path",
                           tmp_path / name / name, "--report-path", tmp_path / name,
                           environ={"PYTHONHASHSEED": str(seed)})
        assert 0 == done.returncode, done.stderr

    assert (tmp_path / "one" / "one").read_bytes() == (tmp_path / "two" / "two").read_bytes()


@pytest.mark.parametrize(("options", "message"), [
    (["--lr", "1"], "Error: a learning rate of 1 cannot converge on these data: it must be below 1; 'auto' uses 0.5\n"),
    (["--lr", "0"], "0.0 is not in the range x>0"),
    (["--lr", "nan"], "not a finite number"),
    (["--lr", "fast"], "'fast' is not a valid learning rate"),
    (["--iterations", "0"], "0 is not in the range"),
    (["--iterations", "1.5"], "not a valid integer"),
    (["--batch-size", "0"], "0 is not in the range"),
    (["--random-state", "-1"], "-1 is not in the range"),
    (["--min-r2", "inf"], "not a finite number"),
    (["--features", "bmi,height"], "'height' is not one"),
    (["--features", "bmi,bmi"], "feature 'bmi' is named twice"),
    (["--features", ""], "'' is not one"),
    (["--model-save-path", ""], "does not name a file"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_misuse_is_one_line(tmp_path: Path, options: list[str], message: str) -> None:
    """The exit code is 2, and nothing is written."""
    result = train(tmp_path, *options)

    assert (2, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    assert message in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_model_below_the_least_r2_is_not_saved(tmp_path: Path) -> None:
    """The exit code is 1, and there is neither a model nor a report."""
    result = train(tmp_path, "--iterations", "10")

    assert (1, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    assert "below the required 0.4: nothing was saved" in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_descent_that_diverges_is_one_line(tmp_path: Path) -> None:
    """Small batches can diverge at a rate at which the descent on all rows converges."""
    # in its own process: it takes seconds, in which threads of other tests may write to standard error
    result = run_process("train", "--model-save-path", tmp_path / "model.joblib", "--report-path", tmp_path / "reports",
                         "--batch-size", "1", "--lr", "0.999", "--features", "bmi,bp,s1,s2,s3,s4,s5,s6",
                         "--iterations", "2000")

    assert (1, 1) == (result.returncode, result.stderr.count("\n"))
    assert "descent leaves the range of float64" in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_model(tmp_path: Path) -> None:
    """The temporary file of the new one is removed."""
    trained(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}

    done = run_process("train", "--random-state", 1, "--model-save-path", tmp_path / "model.joblib", "--report-path",
                       tmp_path / "reports", file_size_limit=512, environ={"PYTHONDONTWRITEBYTECODE": "1"})

    assert (1, "") == (done.returncode, done.stdout)
    assert f"Error: cannot write the model file {tmp_path / 'model.joblib'}: File too large\n" == done.stderr
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_report_that_cannot_be_written_is_an_error_after_the_model(tmp_path: Path) -> None:
    """The model is saved; the line names the file of the report."""
    (tmp_path / "file").write_text("")

    folder = tmp_path / "file" / "reports"

    result = run("train", "--model-save-path", tmp_path / "model.joblib", "--report-path", folder)

    assert 1 == result.exit_code
    assert result.stderr.endswith(f"Error: {folder}: Not a directory\n")
    assert (tmp_path / "model.joblib").exists()


def test_a_full_disk_leaves_the_old_report(tmp_path: Path) -> None:
    """The images are larger than the limit, and the model is smaller."""
    train(tmp_path)
    old = (tmp_path / "reports" / "fit.png").read_bytes()

    done = run_process("train", "--random-state", 1, "--model-save-path", tmp_path / "model.joblib", "--report-path",
                       tmp_path / "reports", file_size_limit=8192, environ={"PYTHONDONTWRITEBYTECODE": "1"})

    assert 1 == done.returncode
    assert done.stderr.endswith(f"Error: {tmp_path / 'reports' / 'fit.png'}: File too large\n")
    assert old == (tmp_path / "reports" / "fit.png").read_bytes()
    assert 2 == len(list((tmp_path / "reports").iterdir()))


def test_without_matplotlib_there_is_a_model_and_one_line(tmp_path: Path) -> None:
    """The line says how to install it; the exit code is 0."""
    done = run_process("train", "--model-save-path", tmp_path / "model", "--report-path", tmp_path / "reports",
                       environ=shadow(tmp_path, "matplotlib"))

    assert (0, "No report: matplotlib is not installed; it comes with the extra 'plots': pip install '.[plots]' in a "
            "checkout\n"
            ) == (done.returncode, done.stderr)
    assert (tmp_path / "model").exists() and not (tmp_path / "reports").exists()


def test_a_long_descent_logs_its_progress(tmp_path: Path) -> None:
    """About once a second, on standard error only."""
    result = train(tmp_path, "--batch-size", "1", "--iterations", "1500", "--lr", "0.01")

    assert 0 == result.exit_code
    assert result.stderr.startswith("pass ") and " of 1500, loss " in result.stderr
    assert "pass" not in result.stdout


def test_a_training_waits_for_another_that_saves_the_same_model(tmp_path: Path) -> None:
    """Else the model of one could be left with the card of the other."""
    path = tmp_path / "model.joblib"
    command = [sys.executable, ROOT / "main.py", "train", "--model-save-path", path, "--no-report"]
    with locked(path):
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, env=clean_environ({}))
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        assert not path.exists() and not path.with_suffix(".card.json").exists()

    assert 0 == process.wait(timeout=60)
    assert load(path).digest == json.loads(path.with_suffix(".card.json").read_text())["sha256"]
