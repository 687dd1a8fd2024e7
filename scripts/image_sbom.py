"""Compare a bill of materials with the packages of the image, and add those of Debian: ``make image-sbom``.

Usage: image_sbom.py FILE <INVENTORY      (the output of image_inventory.py in the image)
A Python package that is only in one of them, or in another version, is an error, and the file stays.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from linear_regressor.output_file import write_file

PROJECT = "linear-regressor"


def differences(bill: dict[str, Any], installed: dict[str, str]) -> list[str]:
    """Describe the packages in which bill and image differ."""
    listed = {re.sub(r"[-_.]+", "-", one["name"]).lower(): one["version"] for one in bill["components"]
              if one["purl"].startswith("pkg:pypi/")}
    image = {name: version for name, version in installed.items() if name != PROJECT}
    return [f"{name}: {listed.get(name, 'not')} in the bill, {image.get(name, 'not')} in the image"
            for name in sorted(listed.keys() | image.keys()) if listed.get(name) != image.get(name)]


def with_debian(bill: dict[str, Any], inventory: dict[str, Any]) -> dict[str, Any]:
    """Return the bill with the Debian packages of the base image."""
    python = [one for one in bill["components"] if one["purl"].startswith("pkg:pypi/")]
    debian = [{"type": "library", "bom-ref": f"debian-{name}", "name": name, "version": version,
               "purl": f"pkg:deb/debian/{name}@{quote(version, safe='')}?distro={inventory['release']}"}
              for name, version in sorted(inventory["debian"].items())]
    return bill | {"components": python + debian}


def main(path: Path) -> int:
    """Write the bill with all packages of the image."""
    bill, inventory = json.loads(path.read_text(encoding="utf-8")), json.load(sys.stdin)
    found = differences(bill, inventory["python"])
    if found:
        print(f"{path} is not what the image contains:", *found, sep="\n", file=sys.stderr)
        return 1
    complete = with_debian(bill, inventory)
    write_file(path, lambda file: file.write(json.dumps(complete, indent=2).encode()))
    print(f"{path}: {len(complete['components'])} packages, as in the image")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
