"""pipelines/pipeline.yaml and its schedules: steps, order, retries, limits and caching; its commands exist."""

from __future__ import annotations

import ast
import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from linear_regressor.cli import main
from linear_regressor.verification.behaviour import Behaviour
from linear_regressor.verification.schema import Schema
from tests import ROOT

FOLDER = ROOT / "pipelines"
PIPELINE: dict[str, Any] = yaml.safe_load((FOLDER / "pipeline.yaml").read_text(encoding="utf-8"))
TASKS: dict[str, dict[str, Any]] = PIPELINE["root"]["dag"]["tasks"]
SCHEDULES = {name: json.loads((FOLDER / f"schedule_{name}.json").read_text(encoding="utf-8"))
             for name in ("kubeflow", "vertex")}
SETTINGS = yaml.safe_load((FOLDER / "schedule.yaml").read_text(encoding="utf-8"))
CONTAINERS = {name.removeprefix("exec-"): executor["container"]
              for name, executor in PIPELINE["deploymentSpec"]["executors"].items()}


def steps_before(name: str) -> set[str]:
    """Names of all steps that must have succeeded before one starts."""
    direct = TASKS[name].get("dependentTasks", [])
    return {*direct, *(earlier for step in direct for earlier in steps_before(step))}


def test_nothing_is_promoted_before_every_other_step_succeeded() -> None:
    """No step has a condition: local runners skip those and report success."""
    assert {"ingest", "ingest-2", "verify", "train", "evaluate", "check"} == steps_before("promote")
    assert TASKS.keys() - {"promote"} == steps_before("promote")
    assert steps_before("verify") >= {"ingest", "ingest-2"}
    assert steps_before("train") >= {"ingest", "verify"}
    assert steps_before("evaluate") >= {"ingest-2", "train"}
    assert steps_before("check") >= {"ingest-2", "train"}
    assert [] == [name for name, task in TASKS.items() if "triggerPolicy" in task]


def test_all_steps_but_the_decision_are_cached_and_those_that_only_compute_are_tried_again() -> None:
    """The decision depends on the champion, and is recorded once; findings would only be found again."""
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


def test_rows_are_verified_and_cleaned_by_the_schema_that_verified_them() -> None:
    """So what is cleaned in training is cleaned in every answer: no step writes rows that a server never sees."""
    for step in ("verify", "train", "check"):
        assert {"componentInputParameter": "schema"} == TASKS[step]["inputs"]["parameters"]["schema"]
        assert "--schema /tmp/schema.yaml" in " ".join(CONTAINERS[step]["args"])


def test_a_decision_names_the_run() -> None:
    """As in the lineage of the model."""
    assert "--pipeline-run" in CONTAINERS["promote"]["args"]
    assert {"runtimeValue": {"constant": "{{$.pipeline_job_name}}"}} == TASKS["promote"]["inputs"]["parameters"]["run"]


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


def test_a_schedule_starts_one_run_at_a_time_at_the_times_of_the_settings() -> None:
    """On Kubeflow, whose times have seconds, and on Vertex AI; missed runs are not made up for."""
    kubeflow, vertex = SCHEDULES["kubeflow"], SCHEDULES["vertex"]
    job = vertex["createPipelineJobRequest"]["pipelineJob"]

    assert re.fullmatch(r"\d+ \d+ \S+ \S+ \S+", SETTINGS["cron"])
    assert f"0 {SETTINGS['cron']}" == kubeflow["trigger"]["cron_schedule"]["cron"]
    assert f"TZ=Etc/UTC {SETTINGS['cron']}" == vertex["cron"]
    assert ("1", True, "ENABLE") == tuple(kubeflow[name] for name in ("max_concurrency", "no_catchup", "mode"))
    assert "1" == vertex["maxConcurrentRunCount"] and "allowQueueing" not in vertex
    assert SETTINGS["parameters"] == kubeflow["runtime_config"]["parameters"] == job["runtimeConfig"]["parameterValues"]
    assert (SETTINGS["parent"], SETTINGS["service_account"]) == (
        vertex["createPipelineJobRequest"]["parent"], job["serviceAccount"])
    assert SETTINGS["pipeline_root"] == kubeflow["runtime_config"]["pipeline_root"]
    assert SETTINGS["pipeline_root"] == job["runtimeConfig"]["gcsOutputDirectory"]


@pytest.mark.parametrize("platform", SCHEDULES)
def test_a_scheduled_run_is_the_pipeline_but_reads_the_data_anew(platform: str) -> None:
    """Under the same name of their state the cache would return the rows of the first run for ever."""
    request = deepcopy(SCHEDULES[platform])
    spec = request["pipeline_spec"] if platform == "kubeflow" else (
        request["createPipelineJobRequest"]["pipelineJob"]["pipelineSpec"])
    tasks = spec["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")}

    assert cached == tasks.keys() - {"ingest", "ingest-2", "promote"}
    for name in ("ingest", "ingest-2"):
        tasks[name]["cachingOptions"] = {"enableCache": True}
    assert PIPELINE == spec


def test_the_schema_of_the_settings_is_one(tmp_path: Path) -> None:
    """Which declares the columns of the parameters, and what the behaviour tests require."""
    path, parameters = tmp_path / "schema.yaml", SETTINGS["parameters"]
    path.write_text(parameters["schema"])
    schema = Schema.load(path)

    assert {*parameters["features"].split(","), parameters["target"]} <= schema.by_name.keys()
    assert Behaviour.from_plain(schema.behaviour, list(schema.by_name))


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
