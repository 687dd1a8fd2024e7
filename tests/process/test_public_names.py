"""The modules that importing the package loads, its public names and its errors."""

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
    """Run a program in a new interpreter and return the packages it has loaded."""
    run = subprocess.run([sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)", *arguments],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_importing_the_package_loads_neither_numpy_nor_scikit_learn() -> None:
    """Public names are imported on first use."""
    loaded = modules_after("import linear_regressor, linear_regressor.errors, linear_regressor.output_file")
    assert "linear_regressor" in loaded
    assert not loaded & {"numpy", "sklearn", "scipy", "joblib", "flask", "click", "matplotlib", "pyarrow"}


def test_moments_load_numpy_and_not_scikit_learn() -> None:
    """The mathematics needs only NumPy."""
    loaded = modules_after(
        "from linear_regressor import Moments\n"
        "Moments.from_arrays([[0.0], [1.0]], [0.0, 1.0]).solve()\n"
        "from linear_regressor.model import accumulator, compare, descent, evaluate, inference, scaling")
    assert "numpy" in loaded and not loaded & {"sklearn", "scipy", "joblib"}


def test_the_tests_of_drift_and_the_gate_load_numpy_only() -> None:
    """They are to run in the server and in commands alike."""
    loaded = modules_after("from linear_regressor.monitoring import callers, concept, inputs\n"
                           "from linear_regressor.retraining import challenger, gate")
    assert "numpy" in loaded
    assert not loaded & {"sklearn", "scipy", "joblib", "flask", "click", "matplotlib", "pyarrow"}


def test_predicting_from_an_artefact_does_not_load_scikit_learn(tmp_path: Path) -> None:
    """Loading the file, predicting and giving an interval need neither scikit-learn, SciPy nor joblib."""
    moments = Moments.from_arrays([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.5])
    save(Artefact(("x",), "y", *moments.solve(), moments, np.array([0.0]), np.array([3.0]),
                  {"levels": [], "t": [], "f": []}, {}), tmp_path / "model.joblib", {})
    loaded = modules_after(
        "import numpy as np\n"
        "from linear_regressor.artefact.file import load\n"
        "from linear_regressor.model.inference import FitStatistics\n"
        "from linear_regressor.model.inference import predict\n"
        "artefact = load(sys.argv[1])\n"
        "assert predict(np.array([[1.0]]), artefact.W, artefact.b).shape == (1,)\n"
        "FitStatistics(artefact.moments, artefact.W, artefact.b).at(np.array([[1.0]])).interval(2.0)",
        str(tmp_path / "model.joblib"))
    assert "numpy" in loaded and not loaded & {"sklearn", "scipy", "joblib", "flask", "matplotlib", "pyarrow"}


def test_every_public_name_can_be_imported() -> None:
    """All names in ``__all__`` have a docstring."""
    for name in linear_regressor.__all__:
        assert getattr(linear_regressor, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        linear_regressor.Nonsense


def test_every_error_has_the_common_base_and_an_exit_code() -> None:
    """The exit code is 2 for misuse, 5 for unusable data and else 1, and the tree in the docstring names each error."""
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(classes) >= 10
    for error in classes:
        assert issubclass(error, errors.LinearRegressorError) and error.exit_code in (1, 2, 5)
        assert error.__name__ in (errors.__doc__ or "") and error.__doc__
        assert f"{error.__name__} " in (errors.__doc__ or "")
