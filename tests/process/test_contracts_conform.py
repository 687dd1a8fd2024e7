"""Runs the conformance tests against a server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from linear_regressor.artefact.file import save
from tests.applications import artefact_of
from tests.running_server import ROOT, RunningServer

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
ROUTES = {"AIP_HEALTH_ROUTE": "/vertex/health", "AIP_PREDICT_ROUTE": "/vertex/predict", "MODEL_NAME": "line-2"}


@pytest.fixture(params=[1, 3])
def model_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the file of a model with one feature, and of one with three."""
    path = tmp_path / "model.joblib"
    save(artefact_of(request.param), path, {})
    return path


def test_a_running_server_conforms_to_every_contract(start_server: Callable[..., RunningServer]) -> None:
    """As ``make conformance`` does, with routes chosen by Vertex AI."""
    running = start_server(environment=ROUTES)
    ended = subprocess.run(
        [*PYTEST, "--ignore", "conformance/clients", "conformance"],
        capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, **ROUTES, "CONFORMANCE_URL": f"http://127.0.0.1:{running.port}"})

    assert 0 == ended.returncode, ended.stdout


def test_the_url_of_the_server_is_required() -> None:
    """There is no default."""
    environment = {key: value for key, value in os.environ.items() if key != "CONFORMANCE_URL"}
    ended = subprocess.run([*PYTEST, "conformance/test_vertex.py"], capture_output=True, text=True, check=False,
                           cwd=ROOT, env=environment)

    assert 1 == ended.returncode
    assert "make conformance URL=" in ended.stdout
