"""docs/openapi.json is up to date, and breaking changes have a new version."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.openapi_difference import breaking_differences
from tests.running_server import ROOT

Json = dict[str, Any]
COPY = "docs/openapi.json"


def committed_copies() -> list[Json]:
    """Return the committed versions of the file, newest first."""
    listed = subprocess.run(["git", "log", "-n20", "--format=%H", "--", COPY], cwd=ROOT, capture_output=True, text=True,
                            check=False).stdout
    shown = (subprocess.run(["git", "show", f"{commit}:{COPY}"], cwd=ROOT, capture_output=True, text=True, check=False)
             for commit in listed.split())
    return [json.loads(one.stdout) for one in shown if one.returncode == 0]


@pytest.fixture(scope="module")
def described() -> Json:
    """Return the current OpenAPI document."""
    command = [sys.executable, str(ROOT / "scripts" / "describe_service.py")]
    described = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == described.returncode, described.stderr
    document: Json = json.loads(described.stdout)
    return document


def test_the_committed_document_is_up_to_date(described: Json) -> None:
    """``make openapi`` regenerates it."""
    assert json.loads((ROOT / COPY).read_text(encoding="utf-8")) == described, "docs/openapi.json: run 'make openapi'"


def test_breaking_changes_need_a_new_version(described: Json) -> None:
    """Compared with the last committed document that differs, which is what clients have."""
    others = [one for one in committed_copies() if one != described]
    if not others:
        pytest.skip("the history has no other version of docs/openapi.json")
    if others[0]["info"]["version"] == described["info"]["version"]:
        assert [] == breaking_differences(others[0], described), "give setup.cfg a new version, or revert this"


def remove(*path: str) -> Callable[[Json], None]:
    """Return a change that removes a member of a document."""
    def change(document: Json) -> None:
        for name in path[:-1]:
            document = document[name]
        del document[path[-1]]
    return change


def put(value: Any, *path: str | int) -> Callable[[Json], None]:
    """Return a change that sets a member of a document; numbers are places in arrays."""
    def change(document: Any) -> None:
        for name in path[:-1]:
            document = document[name] if isinstance(name, int) else document.setdefault(name, {})
        document[path[-1]] = value
    return change


SCHEMAS = ("components", "schemas")
ARRAYS = (*SCHEMAS, "BatchRequest", "properties", "instances", "anyOf", 0)
BREAKING = {
    "a path is gone": remove("paths", "/stream"),
    "an operation is gone": remove("paths", "/ping", "get"),
    "a response is gone": remove("paths", "/stream", "post", "responses", "200"),
    "a media type is gone": remove("paths", "/invocations", "post", "requestBody", "content", "text/csv"),
    "a member of a response is gone": remove(*SCHEMAS, "Prediction", "properties", "prediction"),
    "a member is no longer required in a response": put([], *SCHEMAS, "Prediction", "required"),
    "a response has another type": put("string", *SCHEMAS, "Prediction", "properties", "prediction", "type"),
    "a member of a request is gone": remove(*SCHEMAS, "BatchRequest", "properties", "parameters"),
    "a member of a request is required": put(["instances", "parameters"], *SCHEMAS, "BatchRequest", "required"),
    "fewer rows": put(10, *ARRAYS, "maxItems"),
    "more rows at least": put(2, *ARRAYS, "minItems"),
    "fewer levels": put([0.5], *SCHEMAS, "Parameters", "properties", "interval", "enum"),
    "a request has another type": put("integer", *SCHEMAS, "StreamRequest", "properties", "instance", "type"),
    "a new limit": put(0, *SCHEMAS, "StreamRequest", "properties", "instance", "minimum"),
    "a parameter is required": put([{"name": "a", "in": "query", "required": True, "schema": {}}],
                                   "paths", "/ping", "get", "parameters"),
}
HARMLESS = {
    "a new path": put({}, "paths", "/new"),
    "a new member of a response": put({"type": "number"}, *SCHEMAS, "Prediction", "properties", "new"),
    "a new member of a request": put({"type": "number"}, *SCHEMAS, "BatchRequest", "properties", "new"),
    "more rows": put(10 ** 9, *ARRAYS, "maxItems"),
    "more levels": put([0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, None], *SCHEMAS, "Parameters",
                       "properties", "interval", "enum"),
    "another range of training": put({}, *SCHEMAS, "StreamRequest", "properties", "instance", "x-training-range"),
    "another summary": put("Another one.", "paths", "/ping", "get", "summary"),
}


@pytest.mark.parametrize("change", BREAKING.values(), ids=list(BREAKING))
def test_breaking_changes_are_found(described: Json, change: Callable[[Json], None]) -> None:
    """Each kind of breaking change is found."""
    changed = copy.deepcopy(described)
    change(changed)

    assert breaking_differences(described, changed)


@pytest.mark.parametrize("change", HARMLESS.values(), ids=list(HARMLESS))
def test_compatible_changes_are_accepted(described: Json, change: Callable[[Json], None]) -> None:
    """Additions and changes of descriptions need no new version."""
    changed = copy.deepcopy(described)
    change(changed)

    assert [] == breaking_differences(described, changed)
