"""Print the Cloud Run service as YAML for ``gcloud run services replace -``: the way without Terraform and its state.

The values are those of Terraform, from infra/service.json. Environment: IMAGE (by digest), GCP_PROJECT_ID,
GCP_RUNTIME_SERVICE_ACCOUNT; for a feedback store in Cloud SQL also GCP_SQL_CONNECTION and GCP_SUBNETWORK.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

VALUES = Path(__file__).resolve().parent.parent / "infra" / "service.json"
REQUIRED = ("IMAGE", "GCP_PROJECT_ID", "GCP_RUNTIME_SERVICE_ACCOUNT")
DATABASE = ("GCP_SQL_CONNECTION", "GCP_SUBNETWORK")


def service(values: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the service as Cloud Run's Admin API v1 reads it."""
    missing = [name for name in REQUIRED if not environ.get(name)]
    if missing:
        raise SystemExit(f"{', '.join(missing)} not set; needed: {', '.join(REQUIRED)}")
    if not re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", environ["IMAGE"]):
        raise SystemExit(f"IMAGE is {environ['IMAGE']!r}: must be a name by digest (REPOSITORY/NAME@sha256:...)")
    given = [name for name in DATABASE if environ.get(name)]
    if given and given != list(DATABASE):
        raise SystemExit(f"{' and '.join(DATABASE)} are set together or not at all")
    account = environ["GCP_RUNTIME_SERVICE_ACCOUNT"]
    collector, database = values["collector"], values["database"]
    variables = values["environment"] | {"GOOGLE_CLOUD_PROJECT": environ["GCP_PROJECT_ID"]}
    order = {collector["container"]: [values["container"]]}
    if given:
        user = quote(account.removesuffix(".gserviceaccount.com"))
        variables |= {"STORE": f"postgresql://{user}@127.0.0.1:{database['port']}/{database['name']}?sslmode=disable"}
        order[values["container"]] = ["cloud-sql-proxy"]
    containers = [_server(values, environ["IMAGE"], variables)]
    containers += [_proxy(database, environ["GCP_SQL_CONNECTION"])] if given else []
    containers += [{"name": collector["container"], "image": collector["image"],
                    "resources": {"limits": collector["limits"]},
                    "volumeMounts": [{"name": "collector", "mountPath": collector["folder"]}]}]
    annotations = {
        "autoscaling.knative.dev/minScale": str(values["instances"]["min"]),
        "autoscaling.knative.dev/maxScale": str(values["instances"]["max"]),
        "run.googleapis.com/execution-environment": "gen2",
        "run.googleapis.com/startup-cpu-boost": "true",
        # instance-based billing: the collector scrapes between requests, too
        "run.googleapis.com/cpu-throttling": "false",
        "run.googleapis.com/container-dependencies": json.dumps(order),
    }
    if given:
        annotations |= {
            "run.googleapis.com/network-interfaces": json.dumps([{"subnetwork": environ["GCP_SUBNETWORK"]}]),
            "run.googleapis.com/vpc-access-egress": "private-ranges-only",
        }
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": values["service"], "annotations": {"run.googleapis.com/ingress": "all"}},
        "spec": {"template": {
            "metadata": {"annotations": annotations},
            "spec": {
                "serviceAccountName": account,
                "containerConcurrency": values["concurrency"],
                "timeoutSeconds": values["request_timeout_seconds"],
                "containers": containers,
                "volumes": [{"name": "collector", "secret": {
                    "secretName": collector["name"], "items": [{"key": "latest", "path": collector["file"]}]}}],
            },
        }},
    }


def _server(values: Mapping[str, Any], image: str, variables: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": values["container"],
        "image": image,
        "ports": [{"containerPort": values["port"]}],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": {"limits": values["limits"]},
        "startupProbe": _probe(values["probes"]["startup"]),
        "livenessProbe": _probe(values["probes"]["liveness"]),
    }


def _proxy(database: Mapping[str, Any], connection: str) -> dict[str, Any]:
    port = database["proxy_health_port"]
    return {
        "name": "cloud-sql-proxy",
        "image": database["proxy"],
        "args": ["--private-ip", "--auto-iam-authn", "--structured-logs", f"--port={database['port']}",
                 "--health-check", "--http-address=0.0.0.0", f"--http-port={port}", connection],
        "resources": {"limits": database["proxy_limits"]},
        "startupProbe": _probe({"path": "/startup", "period_seconds": 1, "timeout_seconds": 1,
                                "failure_threshold": 30}, port),
    }


def _probe(probe: Mapping[str, Any], port: int | None = None) -> dict[str, Any]:
    return {"httpGet": {"path": probe["path"], **({"port": port} if port else {})},
            "periodSeconds": probe["period_seconds"], "timeoutSeconds": probe["timeout_seconds"],
            "failureThreshold": probe["failure_threshold"]}


def yaml(value: Any, indent: str = "") -> Iterator[str]:
    """Write plain values as YAML; strings are quoted as in JSON, which is a part of YAML."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _entry(f"{indent}{key}:", part, indent + "  ")
    else:
        for part in value:
            first, *others = yaml(part, indent + "  ") if isinstance(part, dict) else [indent + "  " + json.dumps(part)]
            yield f"{indent}- {first.lstrip()}"
            yield from others


def _entry(key: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list):
        yield key
        yield from yaml(value, indent)
    else:
        yield f"{key} {json.dumps(value)}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(yaml(service(json.loads(VALUES.read_text(encoding="utf-8")), os.environ))) + "\n")
