"""The same commit gives the same files in each layer of the server and jobs images, whenever they are built."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import ROOT
from tests.system.stack import DOCKER, PROJECT, run


class Entry(NamedTuple):
    """What a layer says about a path, without times."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    link: str
    digest: str


def build(image: str, arguments: list[str], tag: str) -> None:
    """Build an image without anything of earlier builds."""
    run([DOCKER, "build", "--quiet", "--no-cache", *arguments, "--file", f"{image}.Dockerfile", "--tag", tag,
         str(ROOT)], dict(os.environ))


def layers(tag: str, folder: Path) -> list[dict[str, Entry]]:
    """Read the entries of each layer."""
    path = folder / "image.tar"
    run([DOCKER, "save", "--output", str(path), tag], dict(os.environ))
    found = []
    with tarfile.open(path) as image:
        manifest = image.extractfile("manifest.json")
        assert manifest is not None
        for name in json.load(manifest)[0]["Layers"]:
            with tarfile.open(fileobj=image.extractfile(name)) as layer:
                found.append({member.name: entry(layer, member) for member in layer})
    return found


def entry(layer: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    """Describe a path of a layer."""
    content = layer.extractfile(member) if member.isreg() else None
    return Entry(member.type, member.mode, (member.uid, member.gid), member.linkname,
                 hashlib.sha256(content.read()).hexdigest() if content else "")


@pytest.mark.parametrize(("image", "arguments", "compiled"), [
    ("server", ["--build-arg", "CATEGORIES=default fast postgresql"], ["cli/__pycache__/serve.", "simdjson"]),
    ("jobs", [], ["cli/__pycache__/train."]),
], ids=["server", "jobs"])
def test_two_builds_have_the_same_files_in_each_layer(image: str, arguments: list[str], compiled: list[str],
                                                      tmp_path: Path) -> None:
    """Modules compiled by Python and extensions compiled from C included."""
    tags = [f"{PROJECT}_{image}:build{number}" for number in (1, 2)]
    try:
        for tag in tags:
            build(image, arguments, tag)
        first, second = (layers(tag, tmp_path) for tag in tags)
    finally:
        run([DOCKER, "image", "rm", "--force", *tags], dict(os.environ))

    assert len(first) == len(second) > 1
    names = {name for layer in first for name in layer}
    assert [] == [part for part in compiled if not any(part in name for name in names)]
    different = [name for one, other in zip(first, second, strict=True)
                 for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
    assert different == []
