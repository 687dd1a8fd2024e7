"""Models and schemas to check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import Result
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from linear_regressor.model.moments import Moments
from tests.command_line import run
from tests.tables import COLUMNS, rows_of, write

Array = NDArray[np.float64]
# the plane of rows_of is 2 age - 30 bmi + 5, with errors of standard deviation 1
PLANE_COLUMNS = [{"name": name, "kind": "number"} for name in (*COLUMNS, "id")]


def trained(folder: Path, rows: Array, *options: object, copies: int = 1) -> Path:
    """Train on rows, in one file or in several equal ones, and return the model's path."""
    data, path = folder / "rows", folder / "model.joblib"
    for number in range(copies):
        write(data / f"{number}.csv", rows)
    done = run("train", "--data", data, "--features", "age,bmi", "--target", "score", "--model-save-path", path,
               "--report-path", folder, *options)
    assert 0 == done.exit_code, done.stderr
    return path


def plane(folder: Path, seed: int = 0, n: int = 400) -> tuple[Path, Artefact]:
    """Train on rows near a plane."""
    path = trained(folder, rows_of(seed, n))
    return path, load(path)


def exact(rows: Array) -> Artefact:
    """The least-squares model of rows, without descent."""
    moments = Moments.from_arrays(rows[:, :-1], rows[:, -1])
    W, b = moments.solve()
    names = tuple(f"x{place}" for place in range(moments.p))
    return Artefact(names, "y", W, b, moments, rows.min(axis=0)[:-1], rows.max(axis=0)[:-1],
                    {"levels": [], "t": [], "f": []}, {})


def saved(artefact: Artefact, path: Path) -> Path:
    """Save a model."""
    save(artefact, path, {})
    return path


def schema(folder: Path, behaviour: Any, columns: Any = None) -> Path:
    """Write a schema; JSON is YAML."""
    path = folder / "schema.yaml"
    path.write_text(json.dumps({"format": 1, "columns": columns or PLANE_COLUMNS, "behaviour": behaviour}))
    return path


def check(model: Path, *options: object) -> tuple[Result, dict[tuple[str, str | None], dict[str, Any]]]:
    """Check a model and return its results by test and name."""
    done = run("check", model, "--json", *options)
    assert done.exit_code in (0, 5), done.stderr
    report = json.loads(done.stdout)
    assert report["holds"] == (done.exit_code == 0) == all(each["holds"] for each in report["results"])
    return done, {(each["check"], each["name"]): each for each in report["results"]}
