"""Killed and concurrent runs of ``retrain`` and ``models promote``: champion and history are whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linear_regressor.artefact.history import ModelHistory
from linear_regressor.monitoring.store import open_store
from tests.command_line import ROOT, clean_environ, run
from tests.feedback import World, draw, trained

# Kills at any step, while the version is written, and while the promotion is.
ANYWHERE, VERSION, PROMOTION = 12, 12, 12


def commands(folder: Path, runs: Sequence[tuple[list[str], int | None]]) -> list[list[int]]:
    """Run commands, some of which are killed; return exit code and steps of the others."""
    file = folder / "runs.json"
    file.write_text(json.dumps([{"arguments": arguments, "step": step} for arguments, step in runs]))
    done = subprocess.run([sys.executable, "-m", "tests.killed_commands", str(file)], cwd=ROOT, env=clean_environ({}),
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stderr.splitlines() if line.startswith("[")]


def assert_whole(history: ModelHistory) -> str:
    """Every version and every promotion can be read, and the champion is one of them; return it."""
    promotions, versions = history.promotions(), history.versions()
    for version in versions:
        assert history.load(version).digest.startswith(version)
    assert promotions and all(promotion.champion in versions for promotion in promotions)
    return str(promotions.champion)


@pytest.mark.parametrize("command", ["retrain", "promote"])
def test_a_kill_at_any_step_leaves_champion_and_history_whole(tmp_path: Path, random: np.random.Generator,
                                                              command: str) -> None:
    """The champion is the old or the new one; another run ends with the same model as one that was not killed."""
    world = World.make(tmp_path / "world", random)
    world.post(draw(random, 300, shift=2.0))
    better = trained(tmp_path / "world" / "second.joblib", draw(random, 3000))

    def arguments(folder: Path) -> list[str]:
        if command == "promote":
            return ["models", "promote", str(folder / "second.joblib"), "--models", str(folder / "models"),
                    "--force", "a test"]
        return ["retrain", "--models", str(folder / "models"), "--store", f"sqlite:///{folder}/feedback.db"]

    def copied(name: str) -> Path:
        return Path(shutil.copytree(world.models.parent, tmp_path / name))

    whole = copied("whole")
    [[exit_code, version, promotion, end]] = commands(tmp_path, [(arguments(whole), None)])
    assert exit_code == 0 and 0 < version < promotion < end
    old, new = world.model.digest[:12], ModelHistory.of(str(whole / "models")).champion()
    assert new != old and (command == "retrain" or new == better.digest[:12])
    points = [*random.integers(0, end, ANYWHERE).tolist(), *random.integers(version, promotion, VERSION).tolist(),
              *random.integers(promotion, end, PROMOTION).tolist(), 0, end - 1]  # on both sides of the promotion, too
    folders = [copied(f"killed {place}") for place in range(len(points))]
    survivors = commands(tmp_path, [(arguments(folder), point) for folder, point in zip(folders, points, strict=True)])
    assert survivors == []
    found = set()
    for folder, point in zip(folders, points, strict=True):
        history = ModelHistory.of(str(folder / "models"))
        champion = assert_whole(history)
        assert champion in (old, new), f"killed at step {point}"
        found.add(champion)
        again = run(*arguments(folder))
        expected = 0 if champion == old or command == "promote" else 4  # no rows are new after the promotion
        assert again.exit_code == expected, f"killed at step {point}: {again.output}"
        assert assert_whole(history) == new and len(history.promotions()) == 2
        assert set(history.versions()) == {old, new}
        assert open_store(f"sqlite:///{folder}/feedback.db").summary().rows == 300
    assert found == {old, new}


def test_two_runs_at_once_promote_once(tmp_path: Path, random: np.random.Generator) -> None:
    """The second waits, and then has no new rows: five pairs."""
    for number in range(5):
        world = World.make(tmp_path / str(number), random)
        world.post(draw(random, 300, shift=2.0))
        command = [sys.executable, str(ROOT / "main.py"), "retrain", "--models", str(world.models), "--store",
                   world.store, "--json"]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=clean_environ({})) for _ in range(2)]
        outputs = [process.communicate(timeout=60) for process in both]
        assert sorted(process.returncode for process in both) == [0, 4], outputs
        results: list[dict[str, Any]] = [json.loads(out) for out, _ in outputs]
        assert sorted(found["promotion"] is None for found in results) == [False, True]
        assert assert_whole(world.history) != world.model.digest[:12]
        assert len(world.history.promotions()) == 2
