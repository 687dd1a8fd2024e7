"""The service YAML against the Admin API's own description of its types: ``python -m infra.checks.service FILE``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from infra.checks.configuration import Finding
from infra.checks.names import similar

TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "integer": int, "boolean": bool, "number": (int, float)}


class ServiceTypes:
    """The types of Cloud Run's Admin API v1, from its discovery document."""

    def __init__(self) -> None:
        document = files("googleapiclient.discovery_cache.documents") / "run.v1.json"
        self.schemas: dict[str, Any] = json.loads(document.read_text(encoding="utf-8"))["schemas"]
        described = self.schemas["ObjectMeta"]["properties"]["annotations"]["description"]
        # annotation -> the resources that accept it
        self.annotations = {name: set(re.findall(r"\w+", kinds))
                            for name, kinds in re.findall(r"`([\w./-]+)`: ([\w ,]+)", described)}

    def check(self, value: Any) -> Iterator[Finding]:
        """Find what the API would refuse or ignore."""
        yield from self._value(value, {"$ref": "Service"}, "service")
        if isinstance(value, dict):
            template = value.get("spec", {}).get("template", {})
            yield from self._accepted(value.get("metadata", {}), "Service", "service.metadata")
            yield from self._accepted(template.get("metadata", {}), "Revision", "service.spec.template.metadata")
            yield from _probes(template.get("spec", {}))
            yield from _limits(template.get("spec", {}))

    def _value(self, value: Any, schema: dict[str, Any], place: str) -> Iterator[Finding]:
        schema = self.schemas[schema["$ref"]] if "$ref" in schema else schema
        kind = schema.get("type", "any")
        if kind == "object" and isinstance(value, dict):
            for name, part in value.items():
                inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
                if inner is None:
                    yield Finding(f"{place}.{name}", f"is unknown to the API{similar(name, schema['properties'])}")
                else:
                    yield from self._value(part, inner, f"{place}.{name}")
        elif kind == "array" and isinstance(value, list):
            for index, part in enumerate(value):
                yield from self._value(part, schema["items"], f"{place}[{index}]")
        elif kind in ("object", "array") or not isinstance(value, TYPES.get(kind, object)) or (
                isinstance(value, bool) and kind != "boolean"):
            yield Finding(place, f"must be of type {kind}, not {value!r}")
        elif "enum" in schema and value not in schema["enum"]:
            yield Finding(place, f"is {value!r}: must be one of {', '.join(schema['enum'])}")

    def _accepted(self, metadata: dict[str, Any], kind: str, place: str) -> Iterator[Finding]:
        for name in metadata.get("annotations", {}):
            if kind not in self.annotations.get(name, set()):
                yield Finding(f"{place}.annotations", f"{name} is not accepted there{similar(name, self.annotations)}")


def _probes(spec: dict[str, Any]) -> Iterator[Finding]:
    """The first container answers requests; without probes it would get some before its model is loaded."""
    for name in ("startupProbe", "livenessProbe"):
        if not spec.get("containers") or name not in spec["containers"][0]:
            yield Finding("service.spec.template.spec.containers[0]", f"has no {name}")


def _limits(spec: dict[str, Any]) -> Iterator[Finding]:
    """Without them a container is billed one vCPU and 512 MiB."""
    for index, container in enumerate(spec.get("containers", [])):
        limits = (container.get("resources") or {}).get("limits") or {}
        for name in sorted({"cpu", "memory"} - limits.keys()):
            yield Finding(f"service.spec.template.spec.containers[{index}]", f"has no limit of {name}")


def main(path: str) -> int:
    """Print all findings."""
    import yaml  # in another environment: infra/checks/requirements.txt

    findings = list(map(str, ServiceTypes().check(yaml.safe_load(Path(path).read_text(encoding="utf-8")))))
    print("\n".join(findings or ["service YAML: every field and annotation is known to the API"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
