"""``scripts/run_tests.sh``, which repeats failed tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

REPEATED = "Repeating the failed tests alone"
PASSES = "def test_passes():\n    pass\n"
FAILS_ONCE = """
from pathlib import Path

def test_waits_too_briefly():
    seen = Path(__file__).with_name("seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError("not ready")
"""
FAILS_BY_SEED = """
import os
from pathlib import Path

def test_random():
    with Path(__file__).with_name("seeds").open("a") as file:
        file.write(os.environ["TEST_SEED"] + "\\n")
    raise AssertionError("unlucky")
"""


def run_tests(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a module as the make targets do."""
    (folder / "test_module.py").write_text(text)
    arguments = [ROOT / "scripts/run_tests.sh", sys.executable, *options, "--rootdir", folder, folder]
    environment = {name: value for name, value in os.environ.items() if name not in ("TEST_SEED", "PYTEST_ADDOPTS")}
    return subprocess.run(list(map(str, arguments)), cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=120, check=False)


@pytest.mark.parametrize("options", [[], ["--numprocesses", "2", "--dist", "worksteal"],
                                     ["--cov", "--cov-report=", "--cov-fail-under=0"]], ids=" ".join)
def test_a_failed_test_that_passes_when_repeated_is_named(tmp_path: Path, options: list[str]) -> None:
    """Tests that passed are not repeated."""
    done = run_tests(tmp_path, PASSES + FAILS_ONCE, *options)

    before, _, after = done.stdout.partition(REPEATED)
    assert 0 == done.returncode, done.stdout
    assert "1 failed, 1 passed" in before and "test_waits_too_briefly PASSED" in after and "1 passed" in after


def test_a_test_that_fails_again_fails_the_run(tmp_path: Path) -> None:
    """With the seed of the first failure."""
    done = run_tests(tmp_path, PASSES + FAILS_BY_SEED)

    first, second = (tmp_path / "seeds").read_text().splitlines()
    assert 1 == done.returncode and first == second


@pytest.mark.parametrize(("text", "code"), [(PASSES, 0), ("import no_such_module", 2), ("", 5)],
                         ids=["all pass", "not importable", "no test"])
def test_nothing_is_repeated_unless_a_test_failed(tmp_path: Path, text: str, code: int) -> None:
    """An error of the run would only come again."""
    done = run_tests(tmp_path, text)

    assert code == done.returncode and REPEATED not in done.stdout
