"""Check a request for a schedule with Vertex AI's own types and client: ``python -m pipelines.vertex FILE``.

Runs in an environment of its own, without network and account. Prints each fault; the exit code is then 1.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.types import Schedule
from google.protobuf import json_format

# What the client adds only when it sends the request.
SENT = {"cron", "maxConcurrentRunCount", "createPipelineJobRequest.pipelineJob.displayName",
        "createPipelineJobRequest.pipelineJob.serviceAccount"}


def faults(request: Any) -> Iterator[str]:
    """What Vertex AI's schema rejects, and what its client would have written differently."""
    try:
        schedule = json_format.MessageToDict(json_format.ParseDict(request, Schedule()._pb))
        made = json_format.MessageToDict(made_by_client(schedule))
    except (json_format.ParseError, LookupError, ValueError) as error:
        yield f"{type(error).__name__}: {' '.join(str(error).split())}"
        return
    yield from (f"{place} differs from what the client writes" for place in differences(schedule, made, "")
                if place not in SENT)
    yield from (f"{name} is missing" for name in ("cron", "maxConcurrentRunCount") if name not in schedule)


def made_by_client(schedule: dict[str, Any]) -> Any:
    """Let the client make a schedule of the same pipeline, which checks the names of the parameters."""
    request = schedule["createPipelineJobRequest"]
    job, (project, location) = request["pipelineJob"], request["parent"].split("/")[1::2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pipeline.json")
        path.write_text(json.dumps(job["pipelineSpec"]), encoding="utf-8")
        client_job = aiplatform.PipelineJob(
            display_name=job["displayName"], template_path=str(path), project=project, location=location,
            pipeline_root=job["runtimeConfig"]["gcsOutputDirectory"],
            parameter_values=job["runtimeConfig"]["parameterValues"], credentials=AnonymousCredentials())
    client_schedule = aiplatform.PipelineJobSchedule(client_job, schedule["displayName"],
                                                     credentials=AnonymousCredentials())
    # The public attribute exists only after the request has been sent.
    return client_schedule._gca_resource._pb


def differences(first: Any, second: Any, place: str) -> Iterator[str]:
    """Names of the values that differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        for name in sorted({*first, *second}):
            yield from differences(first.get(name), second.get(name), f"{place}.{name}" if place else name)
    elif first != second:
        yield place


if __name__ == "__main__":
    found = list(faults(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    print("\n".join(found))
    raise SystemExit(1 if found else 0)
