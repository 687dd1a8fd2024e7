"""Check the contents of the server image; runs inside it."""

import os
import shutil
from importlib.util import find_spec

# libraries of training and build tools: unnecessary size and attack surface
FOREIGN = ("sklearn", "scipy", "matplotlib", "pyarrow", "joblib", "alembic", "sqlalchemy", "obstore", "pip",
           "setuptools", "pytest")
# parsers in C: optional, but without them the server is much slower
NEEDED = ("gunicorn_h1c", "simdjson")
# a compiler, or a tool to fetch or build one
TOOLS = ("cc", "gcc", "g++", "c++", "clang", "ld", "make", "curl", "wget", "git")


def faults() -> list[str]:
    """Describe each fault in a sentence."""
    messages = [f"{name} is in the image" for name in FOREIGN if find_spec(name)]
    messages += [f"{name} is missing in the image" for name in NEEDED if not find_spec(name)]
    messages += [f"{name} is in the image" for name in TOOLS if shutil.which(name)]
    if os.getuid() == 0:
        messages.append("the image runs as root")
    return messages


if __name__ == "__main__":
    if messages := faults():
        raise SystemExit("\n".join(messages))
