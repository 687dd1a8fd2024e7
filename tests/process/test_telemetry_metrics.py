"""promtool checks the metrics."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from flask.testing import FlaskClient


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")
def test_promtool_accepts_the_exposition(client: FlaskClient) -> None:
    """Names, units and types follow the conventions of Prometheus."""
    client.post("/batch", json={"instances": [["a"]]})
    client.post("/stream", json={"instance": 1})
    checked = subprocess.run(["promtool", "check", "metrics"], input=client.get("/metrics").data, capture_output=True,
                             check=False, timeout=60)

    assert (0, b"", b"") == (checked.returncode, checked.stdout, checked.stderr)
