"""Real runs of pipelines/pipeline.yaml, in containers."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests import ROOT
from tests.command_line import run

PYTHON = ROOT / "build" / "tools" / "pipelines" / "bin" / "python"
DOCKER = os.environ.get("DOCKER", "docker")
INGESTED = ["ingest", "ingest-2"]
STEPS = [*INGESTED, "verify", "train", "check", "evaluate", "promote"]
STATUS = re.compile(r"Task '([\w-]+)' finished with status (\w+)")


def write_rows(path: Path, slope: float, rows: int, seed: int) -> None:
    """Write a CSV file of rows near a line."""
    random = np.random.default_rng(seed)
    x = random.uniform(0, 10, rows)
    y = slope * x + 1 + random.normal(size=rows)
    path.write_text("x,y\n" + "".join(f"{a!r},{b!r}\n" for a, b in zip(x.tolist(), y.tolist(), strict=True)))


@dataclass
class Run:
    """A finished run of the pipeline."""

    exit_code: int
    log: str

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Steps that ran, with how they ended; steps from the cache are not among them."""
        return STATUS.findall(self.log)


@dataclass
class Pipeline:
    """The pipeline in a folder of its own."""

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Pipeline:
        """Write training and test rows of one line, and learn their schema."""
        folder.mkdir(exist_ok=True)
        write_rows(folder / "train.csv", slope=3, rows=2000, seed=1)
        write_rows(folder / "test.csv", slope=3, rows=500, seed=2)
        made = cls(folder)
        made.learn()
        return made

    def learn(self, behaviour: str = "behaviour: {}\n") -> None:
        """Learn the schema of the training rows, and declare what a model must do."""
        path = self.folder / "schema.yaml"
        path.unlink(missing_ok=True)
        done = run("verify", self.folder / "train.csv", "--schema", path, "--learn")
        assert 0 == done.exit_code, done.output
        path.write_text(path.read_text().replace("behaviour: {}\n", behaviour))

    def start(self, version: str = "1") -> subprocess.Popen[str]:
        """Start a run."""
        names = {"data": "train.csv", "test-data": "test.csv", "schema": "schema.yaml", "models": "models",
                 "outputs": "outputs"}
        paths = [word for name, path in names.items() for word in (f"--{name}", self.folder / path)]
        return subprocess.Popen(
            [PYTHON, "-m", "pipelines.local", *paths, "--data-version", version, "--features", "x", "--target", "y"],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"})

    def run(self, version: str = "1") -> Run:
        """Run it to its end."""
        return self.end(self.start(version))

    def end(self, process: subprocess.Popen[str], log: str = "") -> Run:
        """Wait for the end of a run, the beginning of whose log may have been read."""
        log += process.communicate(timeout=300)[0]
        log = re.sub(r"\x1b\[\d+m", "", log)
        assert "Could not resolve" not in log
        return Run(process.returncode, log)

    def models(self) -> Any:
        """Versions, champion and promotions; fails if an object is damaged."""
        done = run("models", "list", "--models", self.folder / "models", "--json")
        assert 0 == done.exit_code, done.output
        return json.loads(done.stdout)

    def containers(self, *options: str) -> list[str]:
        """Ids of the containers of its steps that run, or with ``--all`` also of those that have ended."""
        label = f"label=linear-regressor.outputs={self.folder / 'outputs'}"
        return subprocess.run([DOCKER, "ps", "--quiet", *options, "--filter", label], capture_output=True, text=True,
                              check=True).stdout.split()


def succeeded(*steps: str) -> list[tuple[str, str]]:
    """Steps that all ended well."""
    return [(step, "SUCCESS") for step in steps]
