"""Vertex AI on a running server, with the environment of the platform."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.running_server import RunningServer

IDS = {"AIP_ENDPOINT_ID": "12", "AIP_DEPLOYED_MODEL_ID": "34"}
DEFAULT = "/v1/endpoints/12/deployedModels/34"


def test_requests_of_vertex_are_answered(start_server: Callable[..., RunningServer], model_path: Path,
                                         tmp_path: Path) -> None:
    """On default and chosen routes, by a real server with the environment of the platform."""
    folder = tmp_path / "artefacts"
    folder.mkdir()
    shutil.copy(model_path, folder / "simple_linear_regressor.joblib")
    running = start_server(environment={"AIP_MODE": "PREDICTION", "AIP_MODE_VERSION": "1.0.0", "AIP_HTTP_PORT": "1",
                                        "AIP_HEALTH_ROUTE": "/up", "AIP_PREDICT_ROUTE": "/answer", **IDS,
                                        "AIP_STORAGE_URI": str(folder)})
    body = b'{"instances": [[0.5], [1]], "parameters": {"interval": 0.95}}'
    answers = [running.request("POST", path, body) for path in ("/answer", f"{DEFAULT}:predict", "/batch")]

    assert [200, 200] == [running.request("GET", path)[0] for path in ("/up", DEFAULT)]
    assert [answers[0]] * 3 == answers
    assert 2 == len(json.loads(answers[0][1])["predictions"])
