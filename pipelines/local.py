"""Run pipelines/pipeline.yaml with the container engine of this machine: ``python -m pipelines.local --help``.

The steps have no network. Finished steps are taken from the cache in the folder for outputs.
"""

import argparse
import fcntl
import os
from functools import partial
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.types import Mount
from kfp import components, local
from kfp.local import docker_task_handler, executor_output_utils
from kfp.pipeline_spec import pipeline_spec_pb2 as spec

from pipelines.compile import COMMITTED

# Names the folder for outputs of the run that a container belongs to.
LABEL = "linear-regressor.outputs"


def run_container(outputs: Path, client: DockerClient, image: str, command: list[str], volumes: dict[str, Any],
                  **options: Any) -> int:
    """Run a step and return its exit code."""
    container = client.containers.run(image=image, command=command, volumes=volumes, detach=True,
                                      labels={LABEL: str(outputs)}, **options)
    try:
        for line in container.logs(stream=True):
            print(line.decode(), end="", flush=True)
        return int(container.wait()["StatusCode"])
    finally:
        container.remove(force=True)


def lock(outputs: Path) -> None:
    """Reject a second run in the same folder; the lock ends with the process."""
    outputs.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(outputs, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"another run uses {outputs}: wait for its end, or name another folder") from None


def end_steps_of_a_killed_run(outputs: Path) -> None:
    """Remove containers that a killed run has left, which would go on beside this one."""
    client = DockerClient.from_env()
    try:
        for container in client.containers.list(all=True, filters={"label": f"{LABEL}={outputs}"}):
            container.remove(force=True)
    finally:
        client.close()


def outputs_of(executor_input: spec.ExecutorInput, component_spec: spec.ComponentSpec) -> dict[str, Any]:
    """Return the artefacts that a finished step has written, with their metadata."""
    output = spec.ExecutorOutput()
    written = executor_output_utils.load_executor_output(executor_input.outputs.output_file)
    for name, artefacts in executor_input.outputs.artifacts.items():
        if missing := [artefact.uri for artefact in artefacts.artifacts if not Path(artefact.uri).exists()]:
            raise SystemExit(f"a step succeeded without writing {', '.join(missing)}")
        output.artifacts[name].CopyFrom(artefacts)
        for artefact, described in zip(output.artifacts[name].artifacts, written.artifacts[name].artifacts):
            artefact.metadata.MergeFrom(described.metadata)
    outputs: dict[str, Any] = executor_output_utils.get_outputs_from_executor_output(
        output, executor_input, component_spec)
    return outputs


def existing(text: str) -> Path:
    """Reject a path that leads nowhere, which the engine could not mount."""
    if not Path(text).exists():
        raise argparse.ArgumentTypeError(f"{text} does not exist")
    return Path(text).resolve()


def run(arguments: argparse.Namespace) -> None:
    """Run the pipeline; the first failed step ends it."""
    # kfp removes a container as soon as it ends, and takes one that it no longer finds for a success.
    outputs = arguments.outputs.resolve()
    docker_task_handler.run_docker_container = partial(run_container, outputs)
    # It also expects a Python program in each container that lists the artefacts, as clusters do themselves.
    executor_output_utils.get_outputs_for_task = outputs_of
    models = arguments.models.resolve()
    models.mkdir(parents=True, exist_ok=True)
    lock(outputs)
    end_steps_of_a_killed_run(outputs)
    mounts = [Mount(str(path), str(path), type="bind", read_only=read_only)
              for path, read_only in ((arguments.data, True), (arguments.test_data, True), (models, False))]
    local.init(local.DockerRunner(user=f"{os.getuid()}:{os.getgid()}", network_mode="none", mounts=mounts),
               pipeline_root=str(outputs), enable_caching=True)
    pipeline = components.load_component_from_file(str(COMMITTED))
    try:
        pipeline(data=str(arguments.data), test_data=str(arguments.test_data), data_version=arguments.data_version,
                 schema=arguments.schema.read_text(encoding="utf-8"), features=arguments.features,
                 target=arguments.target, models=str(models))
    except RuntimeError as error:  # what kfp raises if a step failed
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run the pipeline with the container engine of this machine.")
    for name, kind, text in (("data", existing, "file or folder of training rows"),
                             ("test-data", existing, "file or folder of test rows"),
                             ("schema", existing, "schema that both must satisfy, a YAML file"),
                             ("models", Path, "folder of versions and promotions"),
                             ("outputs", Path, "folder for what the steps write, and for the cache")):
        parser.add_argument(f"--{name}", type=kind, required=True, help=text)
    parser.add_argument("--data-version", required=True, help="the same version takes finished steps from the cache")
    parser.add_argument("--features", required=True, help="columns, separated by commas")
    parser.add_argument("--target", required=True, help="column to predict")
    run(parser.parse_args())
