"""What importing the package brings, and what it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import linear_regressor
from linear_regressor import Moments, errors
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save


def modules_after(program: str, *arguments: str) -> set[str]:
    """Run a program in a fresh interpreter and give the packages it has loaded."""
    run = subprocess.run([sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)", *arguments],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_importing_the_package_brings_neither_numpy_nor_scikit_learn() -> None:
    """Public names are brought in on first use."""
    loaded = modules_after("import linear_regressor, linear_regressor.errors, linear_regressor.atomic_file")
    assert "linear_regressor" in loaded
    assert not loaded & {"numpy", "sklearn", "scipy", "joblib", "flask", "click", "matplotlib", "pyarrow"}


def test_moments_bring_numpy_and_no_scikit_learn() -> None:
    """The mathematics stands on NumPy alone."""
    loaded = modules_after(
        "from linear_regressor import Moments\n"
        "Moments.from_arrays([[0.0], [1.0]], [0.0, 1.0]).solve()\n"
        "from linear_regressor.model import evaluate, full_batch_descent, inference, mini_batch_descent")
    assert "numpy" in loaded and not loaded & {"sklearn", "scipy", "joblib"}


def test_predicting_from_an_artefact_brings_no_scikit_learn(tmp_path: Path) -> None:
    """Loading the file, predicting and giving an interval need neither scikit-learn, SciPy nor joblib."""
    moments = Moments.from_arrays([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.5])
    save(Artefact(("x",), "y", *moments.solve(), moments, np.array([0.0]), np.array([3.0]),
                  {"levels": [], "t": [], "f": []}, {}), tmp_path / "model.joblib", {})
    loaded = modules_after(
        "import numpy as np\n"
        "from linear_regressor.artefact.file import load\n"
        "from linear_regressor.model.inference import FitStatistics\n"
        "from linear_regressor.model.prediction import predict\n"
        "artefact = load(sys.argv[1])\n"
        "assert predict(np.array([[1.0]]), artefact.W, artefact.b).shape == (1,)\n"
        "FitStatistics(artefact.moments, artefact.W, artefact.b).at(np.array([[1.0]])).interval(2.0)",
        str(tmp_path / "model.joblib"))
    assert "numpy" in loaded and not loaded & {"sklearn", "scipy", "joblib", "flask", "matplotlib", "pyarrow"}


def test_every_public_name_can_be_brought_in() -> None:
    """All names of ``__all__`` are classes with a docstring."""
    for name in linear_regressor.__all__:
        assert getattr(linear_regressor, name).__doc__


def test_another_name_is_an_attribute_error() -> None:
    """A name that is not public is told like any missing attribute."""
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        linear_regressor.Nonsense


def test_every_error_is_one_of_ours_with_an_exit_code() -> None:
    """One base catches them all; misuse is 2 and failure is 1, and the tree in the docstring names each."""
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(found) >= 10
    for error in found:
        assert issubclass(error, errors.LinearRegressorError) and error.exit_code in (1, 2)
        assert error.__name__ in (errors.__doc__ or "") and error.__doc__
        assert f"{error.__name__} " in (errors.__doc__ or "")
