"""Schemathesis, which tests a service against its OpenAPI document, finds no failures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from tests.documented_limits import MOST_ROWS
from tests.running_server import ROOT, RunningServer, start

PHASES = "examples,coverage,fuzzing,stateful"


@contextmanager
def serving(**environment: str) -> Iterator[RunningServer]:
    """Serve the committed model."""
    server = start(ROOT / "models" / "simple_linear_regressor.joblib", output=subprocess.DEVNULL,
                   environment={"MAX_ROWS": str(MOST_ROWS), **environment})
    try:
        yield server
    finally:
        server.stop()


def examine(server: RunningServer, seed: int, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run all phases and checks with a few examples each; takes about half a minute."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run",
               f"http://127.0.0.1:{server.port}/openapi.json", "--phases", PHASES, "--checks", "all",
               "--seed", str(seed), "--max-examples", "20", "--no-color",
               "--generation-database", "none", "--request-timeout", "10", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False, env={
        **os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.documented_limits"})


def test_schemathesis_finds_nothing(seed: int, tmp_path: Path) -> None:
    """All phases, with authentication off."""
    with serving() as server:
        ended = examine(server, seed, tmp_path)

    assert 0 == ended.returncode, ended.stdout
    assert "Stateful" in ended.stdout


def test_schemathesis_finds_no_way_around_authentication(seed: int, tmp_path: Path) -> None:
    """A valid key is accepted; a missing or invalid one is rejected on every route that needs one."""
    key, file = generate_key(), tmp_path / "keys.json"
    write_keys(file, [StoredKey("examiner", key_digest(key).hex(), ("predict",))])
    with serving(AUTH="api-key", API_KEYS_FILE=str(file)) as server:
        ended = examine(server, seed, tmp_path, "--header", f"X-API-Key: {key}", "--max-examples", "4")

    assert 0 == ended.returncode, ended.stdout
