"""The schedule by Vertex AI's own types and client, run by `make pipeline-vertex`, and that it would find faults."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT

PYTHON = ROOT / "build" / "tools" / "vertex" / "bin" / "python"
REQUEST = ROOT / "pipelines" / "schedule_vertex.json"
JOB = "createPipelineJobRequest.pipelineJob"
PARAMETERS = f"{JOB}.runtimeConfig.parameterValues"


def check(path: Path) -> subprocess.CompletedProcess[str]:
    """Check a request."""
    return subprocess.run([PYTHON, "-m", "pipelines.vertex", path], cwd=ROOT, capture_output=True, text=True,
                          timeout=120)


def test_vertex_s_client_would_send_the_same() -> None:
    """The pipeline, its parameters and where it writes."""
    done = check(REQUEST)

    assert (0, "") == (done.returncode, done.stdout.strip()), done.stdout + done.stderr


@pytest.mark.parametrize(("place", "value", "words"), [
    ("maxConcurrentRuns", "1", "no field named"),
    (f"{JOB}.pipelineSpecification", {}, "no field named"),
    ("maxConcurrentRunCount", "one", "maxConcurrentRunCount"),
    ("cron", None, "cron is missing"),
    (f"{PARAMETERS}.sample", "x", "parameter sample is not found"),
    (f"{JOB}.pipelineSpec.schemaVersion", "1.0.0", "runtimeConfig.parameterValues differs"),
    (f"{JOB}.runtimeConfig.gcsOutputDirectory", None, "gcsOutputDirectory"),
])
def test_faults_are_found(tmp_path: Path, place: str, value: Any, words: str) -> None:
    """In names, types of fields, parameters and versions; None removes an entry."""
    request = json.loads(REQUEST.read_text(encoding="utf-8"))
    *above, name = place.split(".")
    target = request
    for each in above:
        target = target[each]
    target[name] = value
    if value is None:
        del target[name]
    path = tmp_path / "request.json"
    path.write_text(json.dumps(request))
    done = check(path)

    assert 1 == done.returncode and "Traceback" not in done.stderr, done.stderr
    assert words in done.stdout
