"""The pipeline with good data."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.tests.running_pipeline import DOCKER, Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """The pipeline in a folder; what a killed run has left is removed."""
    made = Pipeline.of(tmp_path)
    yield made
    if left := made.containers("--all"):
        subprocess.run([DOCKER, "rm", "--force", *left], capture_output=True, check=True)
