"""Models to serve and applications around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.save import save
from linear_regressor.model.moments import Moments
from linear_regressor.serving.app import create_app
from linear_regressor.settings import Settings


def artefact_of(features: int) -> Artefact:
    """Make a model of so many features from a few rows."""
    random = np.random.default_rng(features)
    X = random.normal(size=(50, features))
    y = X @ np.arange(2.0, features + 2.0) + 0.5 + random.normal(size=50)
    moments = Moments.from_arrays(X, y)
    W, b = moments.solve()
    return Artefact(tuple(f"x{number}" for number in range(features)), "y", W, b, moments, X.min(axis=0), X.max(axis=0),
                    {"levels": [], "t": [], "f": []}, {})


@pytest.fixture(scope="session")
def line() -> Artefact:
    """Give a model of one feature."""
    return artefact_of(1)


@pytest.fixture(scope="session")
def plane() -> Artefact:
    """Give a model of three features."""
    return artefact_of(3)


@pytest.fixture
def client(line: Artefact) -> FlaskClient:
    """Give a caller of an application that serves the model of one feature."""
    return create_app(line, Settings.from_env({})).test_client()


@pytest.fixture
def plane_client(plane: Artefact) -> FlaskClient:
    """Give a caller of an application that serves the model of three features."""
    return create_app(plane, Settings.from_env({})).test_client()


@pytest.fixture
def model_path(line: Artefact, tmp_path: Path) -> Path:
    """Give the file of the model of one feature."""
    path = tmp_path / "model.joblib"
    save(line, path, {})
    return path
