"""Settings of a schedule that a platform would reject are rejected when the request is made."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pipelines.tests.running_pipeline import PYTHON
from tests import ROOT

SETTINGS = (ROOT / "pipelines" / "schedule.yaml").read_text(encoding="utf-8")
IMAGE = f"registry.example/jobs@sha256:{'0' * 64}"


def schedule(settings: Path, platform: str = "kubeflow") -> subprocess.CompletedProcess[str]:
    """Print a schedule."""
    return subprocess.run([PYTHON, "-m", "pipelines.compile", "--image", IMAGE, "--schedule", platform, "--settings",
                           settings], cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("platform", ["kubeflow", "vertex"])
def test_a_schedule_of_a_deployment_has_its_image(tmp_path: Path, platform: str) -> None:
    """In each step, and the settings of the file."""
    path = tmp_path / "settings.yaml"
    path.write_text(SETTINGS.replace("BUCKET", "our-rows"))
    done = schedule(path, platform)

    assert 0 == done.returncode, done.stderr
    committed = json.loads((ROOT / "pipelines" / f"schedule_{platform}.json").read_text(encoding="utf-8"))
    expected = json.dumps(committed).replace("BUCKET", "our-rows").replace("linear_regressor_jobs:latest", IMAGE)
    assert json.loads(expected) == json.loads(done.stdout)


@pytest.mark.parametrize(("before", "after", "message"), [
    ("30 3 * * 1", "30 3 * *", "cron is '30 3 * *': must have five fields, such as 30 3 * * 1"),
    ("  features: bmi\n", "", "parameter features is missing"),
    ("  features:", "  feature: x\n  features:", "parameter feature is unknown"),
    ("data_version: scheduled", "data_version: 2026", "parameter data_version is 2026: must be text, in quotes if"),
    ("cron: 30 3 * * 1\n", "", " must have cron, pipeline_root, parent, service_account, parameters, all text but"),
    ("cron:", "cron: :", "cannot read"),
])
def test_faults_are_one_line(tmp_path: Path, before: str, after: str, message: str) -> None:
    """With the name of the file."""
    path = tmp_path / "settings.yaml"
    path.write_text(SETTINGS.replace(before, after))
    done = schedule(path)

    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n")), done.stderr
    assert message in done.stderr and str(path) in done.stderr
