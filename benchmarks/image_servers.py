"""``ImageServer``: how a server is started from its image, and asked for one prediction."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from http.client import HTTPConnection
from operator import getitem
from typing import Any

from linear_regressor.errors import ServerError

# where every server listens in its container
HOST, PORT = "0.0.0.0", 8080  # nosec B104  # the engine publishes it on the loopback address only
X = 0.05
# what least squares on bmi predict; the committed model comes as close to it as its descent
ANSWER, TOLERANCE = 199.83, 1e-3
ROW = {"instances": [[X]]}


@dataclass(frozen=True)
class ImageServer:
    """A server with one worker; all have the same line."""

    name: str
    command: tuple[str, ...]
    path: str = "/batch"
    body: Mapping[str, Any] = field(default_factory=lambda: ROW)
    # keys and indices that lead to the prediction in a response
    place: tuple[str | int, ...] = ("predictions", 0)
    environ: Mapping[str, str] = field(default_factory=dict)

    def ask(self, connection: HTTPConnection) -> None:
        """Request a prediction; raise ConnectionError if the status is not 200, and ServerError if it is wrong."""
        connection.request("POST", self.path, json.dumps(self.body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise ConnectionError(f"{self.name} answered with status {response.status}")
        try:
            right = math.isclose(reduce(getitem, self.place, json.loads(content)), ANSWER, rel_tol=TOLERANCE)
        except (ValueError, TypeError, LookupError):
            right = False
        if not right:
            raise ServerError(f"{self.name} answered {content[:200].decode(errors='replace')!r}, not {ANSWER}")


OURS = ImageServer("ours", ("linear-regressor", "serve", "--host", HOST, "--port", str(PORT), "--workers", "1"))
PEERS = (
    ImageServer("raw", ("gunicorn", "--bind", f"{HOST}:{PORT}", "--workers", "1", "--worker-class", "gthread",
                        "--threads", "4", "--no-control-socket", "--log-level", "error", "raw_app:app")),
    ImageServer("fastapi", ("uvicorn", "--host", HOST, "--port", str(PORT), "--workers", "1", "--log-level", "error",
                            "fastapi_app:app")),
    ImageServer("bentoml", ("bentoml", "serve", "--host", HOST, "--port", str(PORT), "bentoml_app:Line"), place=(0,)),
    ImageServer("mlflow", ("mlflow", "models", "serve", "--model-uri", "model", "--env-manager", "local",
                           "--host", HOST, "--port", str(PORT), "--workers", "1"), path="/invocations"),
    ImageServer("mlserver", ("mlserver", "start", "."), path="/v2/models/line/infer",
                body={"inputs": [{"name": "predict", "shape": [1, 1], "datatype": "FP64", "data": [X]}]},
                place=("outputs", 0, "data", 0),
                environ={"MLSERVER_HTTP_PORT": str(PORT), "MLSERVER_PARALLEL_WORKERS": "0"}),
    ImageServer("litserve", ("python3", "litserve_app.py")),
)
