"""Run inside the server image: say what must not be there, and fail if anything is."""

import os
from importlib.util import find_spec

#: Training's libraries and build tools: weight and attack surface for a server that only multiplies and adds.
FOREIGN = ("sklearn", "scipy", "matplotlib", "pyarrow", "joblib", "pip", "setuptools", "pytest")
#: What makes requests fast: without them the image would still serve, far slower.
NEEDED = ("gunicorn_h1c", "simdjson")


def faults() -> list[str]:
    """Return what is wrong with the image, a sentence each."""
    found = [f"{name} is in the image" for name in FOREIGN if find_spec(name)]
    found += [f"{name} is missing in the image" for name in NEEDED if not find_spec(name)]
    if os.getuid() == 0:
        found.append("the image runs as root")
    return found


if __name__ == "__main__":
    if wrong := faults():
        raise SystemExit("\n".join(wrong))
