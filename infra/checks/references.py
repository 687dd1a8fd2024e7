"""Variables, locals, modules and outputs: declared, used, and given to every module that needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from infra.checks.configuration import BLOCK, Block, Configuration, Finding, texts
from infra.checks.names import META

USES = {"var": "variable", "local": "locals", "module": "module"}
MODULE_META = META | {"source", "providers", "version"}


def check(configuration: Configuration) -> Iterator[Finding]:
    """Find names that nothing declares, and declarations that nothing uses."""
    for folder, blocks in configuration.folders().items():
        declared = {
            "var": {block.labels[0] for block in blocks if block.kind == "variable"},
            "local": {name for block in blocks if block.kind == "locals" for name in block.body} - {BLOCK},
            "module": {block.labels[0] for block in blocks if block.kind == "module"},
        }
        used: dict[str, set[str]] = {kind: set() for kind in USES}
        for block in blocks:
            for kind, name in _uses(block):
                used[kind].add(name)
                if name not in declared[kind]:
                    yield Finding(block.place, f"{kind}.{name} is not declared")
        for kind in ("var", "local"):
            for name in sorted(declared[kind] - used[kind]):
                yield Finding(str(folder), f"{kind}.{name} is not used")
    for block in configuration.of("module"):
        yield from _call(configuration, block)


def _uses(block: Block) -> Iterator[tuple[str, str]]:
    """Iterate over the names that a block uses; a variable's own validation does not count as a use."""
    if block.kind == "variable":
        return
    for text in texts(block.body):
        for kind, name in re.findall(r"(?<![\w.])(var|local|module)\.(\w+)", text):
            yield kind, name


def _call(configuration: Configuration, call: Block) -> Iterator[Finding]:
    """Compare what a module is given with what it declares, and what is read of it with its outputs."""
    target = Path(*_resolve(call.folder / call.body["source"]))
    inside = configuration.folders().get(target, [])
    if not inside:
        yield Finding(call.place, f"there is no module {call.body['source']}")
        return
    variables = {block.labels[0]: block.body for block in inside if block.kind == "variable"}
    outputs = {block.labels[0] for block in inside if block.kind == "output"}
    for name in sorted(call.body.keys() - variables.keys() - MODULE_META):
        yield Finding(call.place, f"the module has no variable {name}")
    for name, body in variables.items():
        if "default" not in body and name not in call.body:
            yield Finding(call.place, f"the variable {name} of the module is not given")
    for block in configuration.folders()[call.folder]:
        for text in texts(block.body):
            for name in re.findall(rf"(?<![\w.])module\.{call.labels[0]}(?:\[[^\]]*\])?\.(\w+)", text):
                if name not in outputs:
                    yield Finding(block.place, f"module.{call.labels[0]} has no output {name}")


def _resolve(path: Path) -> list[str]:
    """Remove ``..`` without the file system, so that the folder may be a copy."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return parts
