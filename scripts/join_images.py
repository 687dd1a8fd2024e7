"""Join the pushed images of one commit, one an architecture, into an image index: ``make images-join``.

Usage: join_images.py NAME TAG IMAGE...      (images by digest)
Prints the name of the index by digest, NAME=REPOSITORY@sha256:..., for later steps of a workflow, too.
"""

from __future__ import annotations

import json
import os
import re
import subprocess  # nosec B404  # starts only the container client
import sys
from pathlib import Path
from typing import Any

ARCHITECTURES = ("amd64", "arm64")  # Cloud Run takes amd64


def buildx(*arguments: str) -> str:
    """Run a command on images in a registry, which needs no builder."""
    command = [os.environ.get("DOCKER", "docker"), "buildx", "imagetools", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # nosec B603  # no shell
    if done.returncode:
        raise SystemExit(f"docker buildx imagetools {arguments[0]} failed with exit code {done.returncode}")
    return done.stdout


def fault(index: dict[str, Any], images: list[str]) -> str | None:
    """Say why an index is not these images, one for each architecture."""
    found = {one["digest"]: f"{one['platform']['os']}/{one['platform']['architecture']}" for one in index["manifests"]}
    expected = [f"linux/{name}" for name in ARCHITECTURES]
    if sorted(found.values()) != expected:
        return f"has {', '.join(sorted(found.values()))} instead of {', '.join(expected)}"
    others = found.keys() - {image.partition("@")[2] for image in images}
    return f"has {', '.join(sorted(others))}, which was not given" if others else None


def main(name: str, tag: str, *images: str) -> None:
    """Join them, and look at the result as the registry has it."""
    if not tag or not images:
        raise SystemExit(f"NOT RUN: no tag or images for {name}; the build workflow sets them (docs/deployment.md)")
    for image in images:
        if not re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", image):
            raise SystemExit(f"{name}: {image!r} must be an image by digest (REPOSITORY/NAME@sha256:...)")
    buildx("create", "--tag", tag, *images)
    index = json.loads(buildx("inspect", "--format", "{{json .Manifest}}", tag))
    wrong = fault(index, list(images))
    if wrong:
        raise SystemExit(f"{tag} {wrong}")
    repository, digest = images[0].partition("@")[0], index["digest"]
    lines = f"{name}={repository}@{digest}\n{name}_repository={repository}\n{name}_digest={digest}\n"
    print(lines, end="")
    if "GITHUB_OUTPUT" in os.environ:
        with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
            file.write(lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
