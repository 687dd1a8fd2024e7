"""``linear-regressor evaluate``."""

from pathlib import Path

import pytest

from tests.command_line import run


def test_it_prints_the_summary_that_training_printed(tmp_path: Path) -> None:
    """Weights, errors and certificate come from the model file."""
    path = tmp_path / "model.joblib"
    trained = run("train", "--features", "bmi,s5", "--model-save-path", path, "--report-path", tmp_path)

    evaluated = run("evaluate", "--model-path", path)

    assert (0, "") == (evaluated.exit_code, evaluated.stderr)
    assert 6 == len(evaluated.stdout.splitlines())
    assert trained.stdout.startswith(evaluated.stdout)


@pytest.mark.parametrize("content", [None, b"", b"no model"], ids=["missing", "empty", "another file"])
def test_a_model_that_cannot_be_used_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    """It names the file and what to do."""
    path = tmp_path / "model.joblib"
    if content is not None:
        path.write_bytes(content)

    result = run("evaluate", "--model-path", path)

    assert (1, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    assert str(path) in result.stderr and "linear-regressor train" in result.stderr
