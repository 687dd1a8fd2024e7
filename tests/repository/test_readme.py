"""Examples in README and docs are run or compared with the code."""

from __future__ import annotations

import doctest
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from tests.running_server import ROOT, RunningServer

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()


def blocks(language: str) -> list[str]:
    """List the code blocks of a language in the README."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def model_path() -> Path:
    """Locate the committed model."""
    return ROOT / "models" / "simple_linear_regressor.joblib"


def test_the_readme_has_at_most_two_hundred_lines() -> None:
    """Details belong in docs."""
    assert len(README.splitlines()) <= 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_requests_of_the_readme_get_the_responses_that_it_shows(
        start_server: Callable[..., RunningServer]) -> None:
    """Runs the blocks unchanged but for the port, against the committed model."""
    running = start_server()
    outputs = []
    for block in blocks("bash"):
        script = block.replace("127.0.0.1:5000", f"127.0.0.1:{running.port}")
        outputs.append(subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True).stdout)
    shown = [json.loads(block) for block in blocks("json")]

    assert [pytest.approx(values) for values in map(numbers, shown)] == [
        numbers(json.loads(output)) for output in outputs[:2]]
    assert "Hello" in outputs[2]
    assert '{"message":"pong!"}' in outputs[2]
    assert {"prediction", "interval", "contributions", "out_of_range"} <= set(json.loads(outputs[3]))


def numbers(body: dict[str, float | list[float]]) -> list[float]:
    """List the numbers of a response."""
    (value,) = body.values()
    return value if isinstance(value, list) else [value]


def test_the_python_examples_of_the_readme_give_the_results_that_it_shows() -> None:
    """Runs the blocks as doctests."""
    text = "\n".join(blocks("python"))
    test = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
    results = doctest.DocTestRunner().run(test)

    assert results.attempted > 3
    assert 0 == results.failed


def test_training_prints_the_output_that_the_readme_shows(tmp_path: Path) -> None:
    """Of ``make serve-local``, which trains first."""
    done = subprocess.run([sys.executable, str(ROOT / "main.py"), "train", "--model-save-path", "model.joblib"],
                          capture_output=True, text=True, check=True, cwd=tmp_path)
    shown = done.stdout.replace("model.joblib", "build/local/simple_linear_regressor.joblib")

    assert shown in README


def test_every_make_target_in_the_documents_exists() -> None:
    """In README, CONTRIBUTING and docs."""
    makefile = (ROOT / "Makefile").read_text()
    known = {target for line in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for target in line.split()}
    pages = [README, *(path.read_text() for path in (ROOT / "docs").rglob("*.md")),
             (ROOT / "CONTRIBUTING.md").read_text()]
    named = {target for page in pages for target in re.findall(r"`make\s+([a-z-]+)", page)}

    assert set() == named - known
    assert {"serve-local", "test", "train", "benchmark"} <= named


def test_every_relative_link_leads_to_a_file() -> None:
    """In README, CONTRIBUTING and docs, but not in docs/site, whose pages ``make docs`` moves and checks."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"),
             *(ROOT / "docs" / "adr").glob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text())]

    assert len(links) > 10
    assert [] == [(page.name, link) for page, link in links if not (page.parent / link).exists()]


def test_every_path_in_the_layout_exists() -> None:
    """In the README's list of files and folders."""
    layout = next(block for block in blocks("text") if "errors.py" in block)
    named = re.findall(r"^(?:  )?((?:[\w.-]+/?(?:, )?)+)(?:  |$)", layout, re.MULTILINE)
    assert len(named) > 5
    for name in ", ".join(named).split(", "):
        assert (ROOT / name).exists() or (ROOT / "linear_regressor" / name).exists(), name


def test_every_error_code_is_documented() -> None:
    """Clients read these codes."""
    sources = [path.read_text() for path in (ROOT / "linear_regressor" / "serving").rglob("*.py")]
    call = r'Fault\([^()]*?(?:\([^()]*\)[^()]*?)*"([a-z_0-9]+)",'
    codes = {code for text in sources for code in re.findall(call, text)}

    assert len(codes) > 10
    assert set() == {code for code in codes if f"`{code}`" not in API}


def test_the_committed_model_is_the_one_that_the_readme_describes(model_path: Path) -> None:
    """A small file with one feature."""
    artefact: Artefact = load(model_path)

    assert ("bmi",) == artefact.features
    assert model_path.stat().st_size < 4096
