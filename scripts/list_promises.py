"""Print what docs/stability.md promises, a name a line: ``python -m scripts.list_promises``.

Before a release write its output to tests/repository/promises.txt, so that a test keeps every name until version 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click

import linear_regressor
from linear_regressor.artefact.artefact import FORMATS
from linear_regressor.cli import main
from linear_regressor.serving.settings import all_settings

DOCS = Path(__file__).resolve().parent.parent / "docs"


def options(command: click.Command, name: str) -> Iterator[str]:
    """Name a command, its options, and those of the commands below it."""
    yield f"command {name}"
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield from (f"option {name} {option}" for option in (*parameter.opts, *parameter.secondary_opts))
    if isinstance(command, click.Group):
        context = click.Context(command)
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None:
                yield from options(found, f"{name} {below}")


def names() -> Iterator[str]:
    """Name what Python programs import, with its own public members."""
    for name in linear_regressor.__all__:
        yield name
        # set_..._request come from scikit-learn
        yield from (f"{name}.{member}" for member in vars(getattr(linear_regressor, name))
                    if not member.startswith(("_", "set_")))


def promises() -> set[str]:
    """Name all that exists now."""
    table = re.compile(r"^\| `(\w+)` \| (?:counter|gauge|histogram)", re.MULTILINE)
    paths = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))["paths"]
    api = (DOCS / "api.md").read_text(encoding="utf-8")
    codes = re.findall(r"^\| \d{3}[^|]*\|.*\| (`\w+`(?:, `\w+`)*) \|$", api, re.MULTILINE)
    return {
        *options(main, "linear-regressor"),
        *(f"name {name}" for name in names()),
        *(f"setting {row.variable}" for row in all_settings()),
        *(f"route {method.upper()} {path}" for path, methods in paths.items() for method in methods),
        *(f"error {code.strip('`')}" for row in codes for code in row.split(", ")),
        *(f"metric {name}" for name in table.findall((DOCS / "observability.md").read_text(encoding="utf-8"))),
        *(f"model-format {number}" for number in FORMATS),
    }


if __name__ == "__main__":
    print("\n".join(sorted(promises())))
