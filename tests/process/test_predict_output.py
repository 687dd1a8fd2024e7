"""Where ``predict`` writes, in which format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.artefact.file import save
from tests.artefacts import artefact_of
from tests.command_line import ROOT, run

ROWS = "id,bmi,bp\n007,0.1,0.2\n008,NA,0.1\n009,0.3,\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model of two features."""
    path = tmp_path_factory.mktemp("model") / "model.joblib"
    save(artefact_of(("bp", "bmi"), np.array([1.0, 2.0])), path, {})
    return path


@pytest.mark.parametrize(("options", "start"), [
    ([], b"id,bmi,bp,prediction\n007,"), (["--output-format", "ndjson"], b'{"id":"007","bmi":"0.1"'),
    (["--output-format", "parquet"], b"PAR1"), (["--output-format", "feather"], b"ARROW1")],
    ids=["csv", "ndjson", "parquet", "feather"])
def test_a_dash_is_standard_output(model: Path, tmp_path: Path, options: list[str], start: bytes) -> None:
    """In any format; the message goes to standard error."""
    (tmp_path / "in.csv").write_text(ROWS)
    command = [sys.executable, ROOT / "main.py", "predict", tmp_path / "in.csv", "-", "--model-path", model]

    done = subprocess.run([*map(str, command), "--missing", "null", *options], capture_output=True, check=True)

    assert done.stdout.startswith(start)
    assert done.stderr == b"3 predictions to standard output, 2 of them empty because a feature is missing\n"


def test_a_file_url_is_a_path(model: Path, tmp_path: Path) -> None:
    """As for the data: percent-encoded, and not a file of the data."""
    data = tmp_path / "in 1.csv"
    data.write_text("bmi,bp\n0.1,0.2\n")
    command = ("predict", data.as_uri(), "--model-path", model)

    done = run(*command, (tmp_path / "out 1.csv").as_uri())
    itself, far = run(*command, data.as_uri()), run(*command, "file://host/out.csv")

    assert (0, "") == (done.exit_code, done.stderr)
    assert (tmp_path / "out 1.csv").read_text().startswith("bmi,bp,prediction\n0.1,0.2,")
    assert (2, 2) == (itself.exit_code, far.exit_code)
    assert "'file://host/out.csv' is a URL, which needs --engine dask" in far.stderr
    assert "bmi,bp\n0.1,0.2\n" == data.read_text()
