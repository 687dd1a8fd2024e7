"""Images of two architectures: how they are joined, and which digest is attested, verified and deployed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.join_images import ARCHITECTURES
from tests import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
TAG = "example/server:abc"
AMD64, ARM64, OTHER, INDEX = (f"sha256:{digit * 64}" for digit in "1234")
# A docker that writes its calls down, and whose registry answers with the index in INDEX.
DOCKER = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$3" in create) exit "${STATUS:-0}" ;; inspect) echo "$INDEX" ;; esac
"""


def index(**platforms: str) -> str:
    """Describe an index as buildx does, with the digest of each architecture; "" is an attestation of buildx."""
    return json.dumps({"digest": INDEX, "manifests": [
        {"digest": digest, "platform": {"os": "linux", "architecture": name}} for name, digest in platforms.items()]})


def join(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script as the workflow does."""
    docker = folder / "docker"
    docker.write_text(DOCKER, encoding="utf-8")
    docker.chmod(0o755)
    environ = {"PATH": os.environ["PATH"], "DOCKER": str(docker), "CALLS": str(folder / "calls"),
               "GITHUB_OUTPUT": str(folder / "output")} | environment
    return subprocess.run([sys.executable, "-m", "scripts.join_images", "server", *arguments], cwd=ROOT, env=environ,
                          capture_output=True, text=True, timeout=60)


def test_the_index_is_named_by_its_digest(tmp_path: Path) -> None:
    """For the steps that attest, verify and deploy it."""
    images = f"example/server@{AMD64}", f"example/server@{ARM64}"
    done = join(tmp_path, TAG, *images, INDEX=index(amd64=AMD64, arm64=ARM64))

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout == (f"server=example/server@{INDEX}\nserver_repository=example/server\n"
                           f"server_digest={INDEX}\n") == (tmp_path / "output").read_text(encoding="utf-8")
    assert (tmp_path / "calls").read_text(encoding="utf-8").splitlines()[0] == (
        f"buildx imagetools create --tag {TAG} {' '.join(images)}")


@pytest.mark.parametrize(("found", "message"), [
    (index(amd64=AMD64), f"{TAG} has linux/amd64 instead of linux/amd64, linux/arm64"),
    (index(amd64=AMD64, arm64=ARM64, unknown=OTHER),
     f"{TAG} has linux/amd64, linux/arm64, linux/unknown instead of linux/amd64, linux/arm64"),
    (index(amd64=OTHER, arm64=ARM64), f"{TAG} has {OTHER}, which was not given"),
], ids=["one architecture", "something else", "another image"])
def test_an_index_of_anything_else_is_an_error(found: str, message: str, tmp_path: Path) -> None:
    """Nothing is handed to later steps, so it is neither attested nor deployed."""
    done = join(tmp_path, TAG, f"example/server@{AMD64}", f"example/server@{ARM64}", INDEX=found)

    assert (1, f"{message}\n", "") == (done.returncode, done.stderr, done.stdout)
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(("arguments", "status", "message"), [
    ((TAG,), "0", "NOT RUN: no tag or images for server; the build workflow sets them (docs/deployment.md)"),
    (("", f"example/server@{AMD64}"), "0", "NOT RUN: no tag or images for server"),
    ((TAG, "example/server:abc-amd64"), "0", "server: 'example/server:abc-amd64' must be an image by digest"),
    ((TAG, f"example/server@{AMD64}"), "5", "docker buildx imagetools create failed with exit code 5"),
], ids=["no images", "no tag", "a tag", "a failed command"])
def test_a_wrong_call_is_an_error_of_one_line(arguments: tuple[str, ...], status: str, message: str,
                                              tmp_path: Path) -> None:
    """That says what is missing or failed."""
    done = join(tmp_path, *arguments, STATUS=status)

    assert (1, 1) == (done.returncode, done.stderr.count("\n")) and done.stderr.startswith(message)


def test_images_are_built_for_the_architectures_that_are_joined() -> None:
    """Each on a machine of its own; all are passed on."""
    text = (WORKFLOWS / "build.yml").read_text(encoding="utf-8")

    assert re.findall(r"architecture: (\w+)\n +runner: (\S+)", text) == [
        ("amd64", "ubuntu-latest"), ("arm64", "ubuntu-24.04-arm")]
    assert sorted(ARCHITECTURES) == sorted(set(re.findall(r"needs\.images\.outputs\.server-(\w+)", text)))
    assert sorted(ARCHITECTURES) == sorted(set(re.findall(r"needs\.images\.outputs\.jobs-(\w+)", text)))


def test_what_is_pushed_is_attested_and_the_index_is_deployed() -> None:
    """Provenance for every digest; bills of materials for the images that they were compared with."""
    images, joined = (WORKFLOWS / "build.yml").read_text(encoding="utf-8").split("\n  build:\n")
    attested = r"subject-digest: \$\{\{ steps\.push\.outputs\.(\w+)_digest \}\}\n( +predicate-type: \S+/bom)?"

    assert [("server", False), ("server", True), ("jobs", False), ("jobs", True)] == [
        (name, bool(bill)) for name, bill in re.findall(attested, images)]
    assert images.index("make sbom image-sbom") < images.index("images-push") < images.index("actions/attest")
    assert [("server", ""), ("jobs", "")] == re.findall(attested, joined)
    assert "run: make service-sign-in images-join\n" in joined
    assert "value: ${{ jobs.build.outputs.server }}" in images and "value: ${{ jobs.build.outputs.jobs }}" in images
    assert "server: ${{ steps.push.outputs.server }}" in joined and "jobs: ${{ steps.push.outputs.jobs }}" in joined


def test_a_release_has_a_bill_of_materials_for_each_architecture(tmp_path: Path) -> None:
    """And each image, from the folders into which the workflow downloads them."""
    (tmp_path / "build" / "dist").mkdir(parents=True)
    (tmp_path / "build" / "dist" / "a.whl").touch()
    for name in ARCHITECTURES:
        folder = tmp_path / "build" / "sbom" / f"sbom-{name}"
        folder.mkdir(parents=True)
        for image in ("server", "jobs"):
            (folder / f"{image}.cdx.json").write_text(f"{image} {name}", encoding="utf-8")
    done = subprocess.run(["make", "-f", str(ROOT / "Makefile"), "release-files"], cwd=tmp_path, capture_output=True,
                          text=True, timeout=60)
    made = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "build" / "release").iterdir()}

    assert (0, "") == (done.returncode, done.stderr)
    assert made == {"a.whl": ""} | {f"{image}-{name}.cdx.json": f"{image} {name}"
                                    for image in ("server", "jobs") for name in ARCHITECTURES}
