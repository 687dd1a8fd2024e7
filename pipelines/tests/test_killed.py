"""SIGKILL to a step or to the run: models and promotions stay whole, and the next run continues from the cache."""

from __future__ import annotations

import random
import re
import subprocess
import time

import pytest

from pipelines.tests.running_pipeline import DOCKER, STEPS, Pipeline, succeeded


def is_whole(pipeline: Pipeline) -> bool:
    """Whether the champion is one of the versions, of which none is damaged."""
    models = pipeline.models()
    return models["champion"] in {None, *(each["version"] for each in models["versions"] if "error" not in each)}


def kill_containers(pipeline: Pipeline, seconds: float = 20) -> bool:
    """Kill the containers that run, as soon as there are some; false if there are none in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = pipeline.containers()
        if found and subprocess.run([DOCKER, "kill", *found], capture_output=True).returncode == 0:
            return True
    return False


def wait_for_step(process: subprocess.Popen[str], step: str) -> str:
    """Read the log of a run until a step begins, and return it."""
    assert process.stdout is not None
    log = ""
    for line in process.stdout:
        log += line
        if re.search(rf"Executing task (\x1b\[\d+m)?'{step}'", line):
            return log
    raise AssertionError(log)


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_step_leaves_the_models_whole_and_the_next_run_continues(pipeline: Pipeline, step: str) -> None:
    """SIGKILL to its container; what only computes is tried again, and finished steps are from the cache."""
    process = pipeline.start()
    log = wait_for_step(process, step)
    assert kill_containers(pipeline), "no container of the step was found"
    killed = pipeline.end(process, log)

    assert is_whole(pipeline)
    ended = [status for name, status in killed.steps if name == step]
    if step in ("verify", "check", "promote"):
        assert (1, ["FAILURE"]) == (killed.exit_code, ended)
    else:
        assert 0 == killed.exit_code, killed.log
        assert ["FAILURE", "SUCCESS"] == ended
    again = pipeline.run()
    assert 0 == again.exit_code, again.log
    done = {name for name, status in killed.steps if status == "SUCCESS"} - {"promote"}
    assert sorted(succeeded(*({*STEPS} - done))) == sorted(again.steps)
    models = pipeline.models()
    assert [models["champion"]] == [version["version"] for version in models["versions"]]


@pytest.mark.parametrize("kill_the_run", [True, False] * 2)
def test_a_kill_at_any_time_leaves_the_models_whole_and_the_next_run_continues(pipeline: Pipeline,
                                                                               kill_the_run: bool) -> None:
    """SIGKILL to the run, whose step goes on without it, or to the step, at a random time of a random step."""
    seed = time.time_ns() % 2**32
    draw = random.Random(seed)
    step, wait = draw.choice(STEPS), draw.uniform(0, 2)
    told = f"seed {seed}: {step} after {wait:.2f} s"
    process = pipeline.start()
    log = wait_for_step(process, step)
    try:
        process.wait(timeout=wait)
    except subprocess.TimeoutExpired:
        if kill_the_run:
            process.kill()
        else:
            kill_containers(pipeline, seconds=2)
    killed = pipeline.end(process, log)
    assert is_whole(pipeline), told
    again = pipeline.run()

    assert 0 == again.exit_code, f"{told}\n{killed.log}\n{again.log}"
    # the result of the last step may not have reached the cache
    done = {name for name, status in killed.steps[:-1] if status == "SUCCESS"} - {"promote"}
    assert not done & {*dict(again.steps)}, told
    assert [] == pipeline.containers("--all"), told
    models = pipeline.models()
    assert [models["champion"]] == [version["version"] for version in models["versions"]], told


def test_a_second_run_with_the_same_outputs_is_refused(pipeline: Pipeline) -> None:
    """In one line; it would end the steps of the first."""
    process = pipeline.start()
    wait_for_step(process, "ingest")
    second = pipeline.run()
    first = pipeline.end(process)

    assert 1 == second.exit_code
    assert f"another run uses {pipeline.folder / 'outputs'}: wait for its end, or name another folder\n" == second.log
    assert 0 == first.exit_code, first.log
