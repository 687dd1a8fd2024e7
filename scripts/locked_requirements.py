"""Print categories of ``Pipfile.lock`` as requirements with hashes, for ``pip install --require-hashes``.

All installations read the lock through this file, so that they do not need pipenv. The project itself is omitted: it
is installed by path.
"""

import json
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "Pipfile.lock"


def requirement(name: str, entry: dict[str, Any]) -> str:
    """Format one requirement with marker and hashes."""
    marker = f"; {entry['markers']}" if "markers" in entry else ""
    return " ".join([f"{name}{entry['version']}{marker}", *(f"--hash={digest}" for digest in entry["hashes"])])


def requirements(lock: dict[str, Any], categories: list[str]) -> list[str]:
    """Format the requirements of several categories, each distribution once."""
    lines: dict[str, str] = {}
    for category in categories:
        if category not in lock:
            raise SystemExit(f"Pipfile.lock has no category {category!r}; choose from: {', '.join(sorted(lock))}")
        lines |= {name: requirement(name, entry) for name, entry in lock[category].items() if "path" not in entry}
    return [lines[name] for name in sorted(lines)]


if __name__ == "__main__":
    print("\n".join(requirements(json.loads(LOCK.read_text(encoding="utf-8")), sys.argv[1:])))
