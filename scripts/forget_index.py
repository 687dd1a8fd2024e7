"""Remove the package index from ``Pipfile.lock``: pip's configuration selects it."""

import json
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "Pipfile.lock"

if __name__ == "__main__":
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    lock["_meta"]["sources"] = []
    for category in lock.values():
        for entry in category.values():
            if isinstance(entry, dict):
                entry.pop("index", None)
    LOCK.write_text(json.dumps(lock, indent=4, sort_keys=True) + "\n", encoding="utf-8")
