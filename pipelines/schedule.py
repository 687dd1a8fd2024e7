"""The schedule: a pipeline's YAML has no place for it, so each platform takes a request with the pipeline inside."""

import json
import re
from pathlib import Path
from typing import Any

import kfp_server_api
import yaml

from pipelines.pipeline import NAME

SETTINGS = Path(__file__).with_suffix(".yaml")
KINDS = {"cron": str, "pipeline_root": str, "parent": str, "service_account": str, "parameters": dict}


class Schedule:
    """A pipeline with the settings of its schedule."""

    def __init__(self, pipeline: str, settings: Path) -> None:
        self._spec: dict[str, Any] = yaml.safe_load(pipeline)
        self._settings = _read(settings)
        self._check(settings)
        # A run on schedule is to see what has changed at the same location.
        for task in self._spec["root"]["dag"]["tasks"].values():
            if task["componentRef"]["name"].startswith("comp-ingest"):
                task["cachingOptions"] = {}

    def _check(self, settings: Path) -> None:
        """Reject settings that a platform would reject only when a run starts."""
        parameters = self._spec["root"]["inputDefinitions"]["parameters"]
        cron = self._settings["cron"]
        if not re.fullmatch(r"\S+( \S+){4}", cron):
            raise SystemExit(f"{settings}: cron is {cron!r}: must have five fields, such as 30 3 * * 1")
        for name in sorted({*parameters} ^ {*self._settings["parameters"]}):
            raise SystemExit(f"{settings}: parameter {name} is {'missing' if name in parameters else 'unknown'}")
        for name, value in self._settings["parameters"].items():
            if not isinstance(value, str):
                raise SystemExit(f"{settings}: parameter {name} is {value!r}: must be text, in quotes if need be")

    def kubeflow(self) -> Any:
        """Return the body of POST /apis/v2beta1/recurringruns."""
        run = kfp_server_api.V2beta1RecurringRun(
            display_name=NAME, description=self._spec["pipelineInfo"]["description"], pipeline_spec=self._spec,
            runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters=self._settings["parameters"],
                                                               pipeline_root=self._settings["pipeline_root"]),
            # seconds first
            trigger=kfp_server_api.V2beta1Trigger(
                cron_schedule=kfp_server_api.V2beta1CronSchedule(cron=f"0 {self._settings['cron']}")),
            max_concurrency="1", no_catchup=True, mode=kfp_server_api.RecurringRunMode.ENABLE)
        return kfp_server_api.ApiClient().sanitize_for_serialization(run)

    def vertex(self) -> dict[str, Any]:
        """Return the body of POST /v1/projects/PROJECT/locations/LOCATION/schedules."""
        settings = self._settings
        return {
            "displayName": NAME, "cron": f"TZ=Etc/UTC {settings['cron']}", "maxConcurrentRunCount": "1",
            "createPipelineJobRequest": {"parent": settings["parent"], "pipelineJob": {
                "displayName": NAME, "pipelineSpec": self._spec, "serviceAccount": settings["service_account"],
                "runtimeConfig": {"gcsOutputDirectory": settings["pipeline_root"],
                                  "parameterValues": settings["parameters"]}}}}


def _read(path: Path) -> dict[str, Any]:
    """Read the settings."""
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SystemExit(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise SystemExit(f"cannot read {path}: {' '.join(str(error).split())}") from None
    if not isinstance(settings, dict) or {name: type(value) for name, value in settings.items()} != KINDS:
        raise SystemExit(f"{path} must have {', '.join(KINDS)}, all text but the parameters, as {SETTINGS}")
    return settings


PLATFORMS = {"kubeflow": Schedule.kubeflow, "vertex": Schedule.vertex}


def request(platform: str, pipeline: str, settings: Path) -> str:
    """Return the request for a platform as JSON."""
    return json.dumps(PLATFORMS[platform](Schedule(pipeline, settings)), indent=1) + "\n"
