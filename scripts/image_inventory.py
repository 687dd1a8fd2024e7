"""Print the packages of the image in which this runs, as JSON: ``docker run --interactive IMAGE python -``."""

import json
import re
from importlib.metadata import distributions
from pathlib import Path

STATUS, RELEASE = Path("/var/lib/dpkg/status"), Path("/etc/os-release")


def python_packages() -> dict[str, str]:
    """Version by normalised name."""
    return {re.sub(r"[-_.]+", "-", found.name).lower(): found.version for found in distributions()}


def debian_packages(status: str) -> dict[str, str]:
    """Version by name of the installed packages."""
    found = {}
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields["Version"]
    return found


if __name__ == "__main__":
    codename = re.search(r"^VERSION_CODENAME=(\w+)", RELEASE.read_text(encoding="utf-8"), re.MULTILINE)
    print(json.dumps({"python": python_packages(), "debian": debian_packages(STATUS.read_text(encoding="utf-8")),
                      "release": codename[1] if codename else ""}))
