"""pipelines/pipeline.yaml: steps, order, retries, limits and caching, and that its commands exist."""

from __future__ import annotations

import ast
import re
from typing import Any

import click
import pytest
import yaml

from linear_regressor.cli import main
from tests import ROOT

FOLDER = ROOT / "pipelines"
PIPELINE: dict[str, Any] = yaml.safe_load((FOLDER / "pipeline.yaml").read_text(encoding="utf-8"))
TASKS: dict[str, dict[str, Any]] = PIPELINE["root"]["dag"]["tasks"]
CONTAINERS = {name.removeprefix("exec-"): executor["container"]
              for name, executor in PIPELINE["deploymentSpec"]["executors"].items()}


def steps_before(name: str) -> set[str]:
    """Names of all steps that must have succeeded before one starts."""
    direct = TASKS[name].get("dependentTasks", [])
    return {*direct, *(earlier for step in direct for earlier in steps_before(step))}


def test_nothing_is_promoted_before_every_other_step_succeeded() -> None:
    """No step has a condition: local runners skip those and report success."""
    assert TASKS.keys() - {"promote"} == steps_before("promote")
    assert steps_before("verify") >= {"ingest", "ingest-2"}
    assert steps_before("train") >= {"ingest", "verify"}
    assert steps_before("evaluate") >= {"ingest-2", "train"}
    assert [] == [name for name, task in TASKS.items() if "triggerPolicy" in task]


def test_all_steps_but_the_decision_are_cached_and_those_that_only_compute_are_tried_again() -> None:
    """The decision depends on the champion, and is recorded once; a finding of verify would only be found again."""
    cached = {name for name, task in TASKS.items() if task["cachingOptions"].get("enableCache")}
    retries = {name: task["retryPolicy"]["maxRetryCount"] for name, task in TASKS.items() if "retryPolicy" in task}

    assert TASKS.keys() - {"promote"} == cached
    assert {"ingest": 2, "ingest-2": 2, "train": 1, "evaluate": 1} == retries
    assert all(task["retryPolicy"]["backoffDuration"] == "5s" for name, task in TASKS.items() if name in retries)


def test_data_that_changed_under_the_same_name_are_read_again_with_a_new_version() -> None:
    """The version is an input of the steps that read, so it is in the key of the cache."""
    for step in ("ingest", "ingest-2"):
        assert {"componentInputParameter": "data_version"} == TASKS[step]["inputs"]["parameters"]["version"]
    assert "defaultValue" not in PIPELINE["root"]["inputDefinitions"]["parameters"]["data_version"]


@pytest.mark.parametrize("step", CONTAINERS)
def test_each_step_has_the_resources_that_it_may_use(step: str) -> None:
    """Requests equal limits; the names of both generations of the platform are there."""
    resources = CONTAINERS[step]["resources"]
    cpu, memory = ("2", "2Gi") if step in ("train", "verify") else ("1", "1Gi")

    assert cpu == resources["resourceCpuLimit"] == resources["resourceCpuRequest"]
    assert memory == resources["resourceMemoryLimit"] == resources["resourceMemoryRequest"]
    assert float(cpu) == resources["cpuLimit"] == resources["cpuRequest"]


@pytest.mark.parametrize("step", CONTAINERS)
def test_each_step_runs_a_command_that_exists(step: str) -> None:
    """With options that the command has, in the image of `make jobs-build`."""
    container = CONTAINERS[step]
    text = " ".join([*container["command"], *container["args"]])
    words = re.sub(r"[;>].*", "", text[text.index("linear-regressor ") + len("linear-regressor "):]).split()
    command: click.Command = main
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words[0]
        command, words = found, words[1:]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}

    assert set() == {word for word in words if word.startswith("--")} - options
    assert "linear_regressor_jobs:latest" == container["image"]
    assert "JOBS_IMAGE := linear_regressor_jobs:latest\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_package_and_pipeline_import_nothing_of_each_other() -> None:
    """The pipeline has an environment of its own, without the package."""
    def imported(folder: str, pattern: str) -> set[str]:
        """Name the top-level packages that the files of a folder import."""
        trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / folder).glob(pattern)]
        nodes = [node for tree in trees for node in ast.walk(tree)]
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        return {name.partition(".")[0] for name in names}

    assert "kfp" in imported("pipelines", "*.py")
    assert not {"linear_regressor", "tests"} & imported("pipelines", "*.py")
    assert not {"kfp", "pipelines"} & imported("linear_regressor", "**/*.py")


def test_the_version_of_the_compiler_is_pinned_and_the_one_that_compiled() -> None:
    """Older versions skip steps with an unresolved condition and report success."""
    (version,) = re.findall(r"^kfp==(.*)$", (FOLDER / "requirements.txt").read_text(encoding="utf-8"), re.M)

    assert f"kfp-{version}" == PIPELINE["sdkVersion"]
