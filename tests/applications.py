"""Models, applications that serve them, and their test clients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.model.moments import Moments
from linear_regressor.serving.app import Application, create_app
from linear_regressor.serving.settings import Settings
from linear_regressor.training.config import quantile_table

MakeApp = Callable[..., Application]


def artefact_of(features: int, seed: int = 0) -> Artefact:
    """Fit a model with this number of features."""
    random = np.random.default_rng([features, seed])
    X = random.normal(size=(50, features))
    y = X @ np.arange(2.0, features + 2.0) + 0.5 + random.normal(size=50)
    moments = Moments.from_arrays(X, y)
    W, b = moments.solve()
    return Artefact(tuple(f"x{number}" for number in range(features)), "y", W, b, moments, X.min(axis=0), X.max(axis=0),
                    quantile_table(50, features), {})


@pytest.fixture(scope="session")
def line() -> Artefact:
    """Fit a model with one feature."""
    return artefact_of(1)


@pytest.fixture(scope="session")
def plane() -> Artefact:
    """Fit a model with three features."""
    return artefact_of(3)


@pytest.fixture(scope="session")
def make_app(tmp_path_factory: pytest.TempPathFactory) -> MakeApp:
    """Create applications from a model and environment variables."""
    def make(artefact: Artefact, **environ: str) -> Application:
        path = tmp_path_factory.getbasetemp() / f"{artefact.digest}.joblib"
        if not path.exists():
            save(artefact, path, {})
        return create_app(Settings.from_env({"MODEL_PATH": str(path), **environ}))

    return make


@pytest.fixture
def client(line: Artefact, make_app: MakeApp) -> FlaskClient:
    """Create a test client for the model with one feature."""
    return make_app(line).test_client()


@pytest.fixture
def plane_client(plane: Artefact, make_app: MakeApp) -> FlaskClient:
    """Create a test client for the model with three features."""
    return make_app(plane).test_client()


@pytest.fixture
def model_path(line: Artefact, tmp_path: Path) -> Path:
    """Save the model with one feature."""
    path = tmp_path / "model.joblib"
    save(line, path, {})
    return path
