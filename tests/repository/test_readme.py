"""What README and docs say is run, or compared with the code."""

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
    """Give the README's blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def model_path() -> Path:
    """Serve the committed model."""
    return ROOT / "models" / "simple_linear_regressor.joblib"


def test_the_readme_has_at_most_two_hundred_lines() -> None:
    """What is longer goes to docs."""
    assert len(README.splitlines()) <= 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_curl_of_the_readme_gets_the_answer_it_shows(start_server: Callable[..., RunningServer]) -> None:
    """The blocks are run as they stand, against the committed model on another port."""
    running = start_server()
    answers = []
    for block in blocks("bash"):
        script = block.replace("127.0.0.1:5000", f"127.0.0.1:{running.port}")
        answers.append(subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True).stdout)
    shown = [json.loads(block) for block in blocks("json")]

    assert [pytest.approx(values) for values in map(numbers, shown)] == [
        numbers(json.loads(answer)) for answer in answers[:2]]
    assert "Hello" in answers[2]
    assert '{"message":"pong!"}' in answers[2]
    assert {"prediction", "interval", "contributions", "out_of_range"} <= set(json.loads(answers[3]))


def numbers(answer: dict[str, float | list[float]]) -> list[float]:
    """Give the numbers of an answer."""
    (value,) = answer.values()
    return value if isinstance(value, list) else [value]


def test_the_python_of_the_readme_gives_what_it_shows() -> None:
    """The blocks are run as doctests."""
    text = "\n".join(blocks("python"))
    test = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
    outcome = doctest.DocTestRunner().run(test)

    assert outcome.attempted > 3
    assert 0 == outcome.failed


def test_training_prints_what_the_readme_shows(tmp_path: Path) -> None:
    """Every figure of the first output stands in the README."""
    ended = subprocess.run([sys.executable, str(ROOT / "main.py"), "train", "--model-save-path", "model.joblib"],
                           capture_output=True, text=True, check=True, cwd=tmp_path)
    shown = ended.stdout.replace("model.joblib", "build/local/simple_linear_regressor.joblib")

    assert shown in README


def test_every_make_target_that_is_named_exists() -> None:
    """README and docs name no task that make does not know."""
    makefile = (ROOT / "Makefile").read_text()
    known = {target for line in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for target in line.split()}
    pages = [README, *(path.read_text() for path in (ROOT / "docs").rglob("*.md")),
             (ROOT / "CONTRIBUTING.md").read_text()]
    named = {target for page in pages for target in re.findall(r"`make\s+([a-z-]+)", page)}

    assert set() == named - known
    assert {"serve-local", "test", "train", "benchmark"} <= named


def test_every_link_between_pages_leads_somewhere() -> None:
    """Relative links point at files of the checkout."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_path_of_the_layout_exists() -> None:
    """The README's map shows the checkout as it is."""
    layout = next(block for block in blocks("text") if "errors.py" in block)
    named = re.findall(r"^(?:  )?((?:[\w.-]+/?(?:, )?)+)(?:  |$)", layout, re.MULTILINE)
    for name in ", ".join(named).split(", "):
        assert (ROOT / name).exists() or (ROOT / "linear_regressor" / name).exists(), name


def test_every_code_of_a_fault_is_documented() -> None:
    """A program that reads codes finds each in the docs."""
    sources = [path.read_text() for path in (ROOT / "linear_regressor" / "serving").rglob("*.py")]
    call = r'Fault\([^()]*?(?:\([^()]*\)[^()]*?)*"([a-z_0-9]+)",'
    codes = {code for text in sources for code in re.findall(call, text)}

    assert len(codes) > 10
    assert set() == {code for code in codes if f"`{code}`" not in API}


def test_the_committed_model_is_the_one_the_page_describes(model_path: Path) -> None:
    """It is small, and of one feature."""
    artefact: Artefact = load(model_path)

    assert ("bmi",) == artefact.features
    assert model_path.stat().st_size < 4096
