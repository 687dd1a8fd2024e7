"""The environment of a measurement: machine and package versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from linear_regressor.serving.settings import usable_cpus

PACKAGES = ("linear-regressor", "numpy", "scikit-learn", "flask", "gunicorn", "gunicorn_h1c", "orjson", "pysimdjson")


def environment() -> dict[str, str]:
    """Describe the machine and the packages."""
    return {"python": platform.python_version(), "system": platform.platform(), "processor": _processor(),
            "cpus": str(usable_cpus()), "load": f"{os.getloadavg()[0]:.2f}",
            **{name: _version(name) for name in PACKAGES}}


def _processor() -> str:
    """Model name of the processor on Linux, else its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str:
    """Installed version of a package; extras are optional."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
