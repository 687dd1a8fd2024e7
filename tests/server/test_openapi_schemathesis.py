"""Schemathesis, which knows a service by its description alone, finds nothing."""

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
    """Let it try everything, a few times each; about half a minute."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run",
               f"http://127.0.0.1:{server.port}/openapi.json", "--phases", PHASES, "--checks", "all",
               "--seed", str(seed), "--max-examples", "20", "--no-color",
               "--generation-database", "none", "--request-timeout", "10", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False, env={
        **os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.documented_limits"})


def test_schemathesis_finds_nothing(seed: int, tmp_path: Path) -> None:
    """All phases, on a server that asks for no key."""
    with serving() as server:
        ended = examine(server, seed, tmp_path)

    assert 0 == ended.returncode, ended.stdout
    assert "Stateful" in ended.stdout


def test_schemathesis_finds_no_way_around_a_key(seed: int, tmp_path: Path) -> None:
    """With a key it gets in; without, or with another one, nowhere that asks for one."""
    key, file = generate_key(), tmp_path / "keys.json"
    write_keys(file, [StoredKey("examiner", key_digest(key).hex(), ("predict",))])
    with serving(AUTH="api-key", API_KEYS_FILE=str(file)) as server:
        ended = examine(server, seed, tmp_path, "--header", f"X-API-Key: {key}", "--max-examples", "4")

    assert 0 == ended.returncode, ended.stdout
