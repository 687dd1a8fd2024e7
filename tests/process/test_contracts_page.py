"""Every command in ``docs/contracts.md`` works."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running_server import ROOT, RunningServer


@pytest.fixture
def model_path() -> Path:
    """Serve the committed model."""
    return ROOT / "models" / "simple_linear_regressor.joblib"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_curl_command_of_the_page_succeeds(start_server: Callable[..., RunningServer]) -> None:
    """With another port."""
    running = start_server()
    page = (ROOT / "docs" / "contracts.md").read_text()
    blocks = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    for block in blocks:
        script = block.replace("127.0.0.1:5000", f"127.0.0.1:{running.port}")
        ended = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False)

        assert (0, True) == (ended.returncode, ended.stdout.startswith("{")), (block, ended.stderr)
    assert 4 == len(blocks)
