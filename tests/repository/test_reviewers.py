"""docs/reviewers.md maps every point of the challenge to code, tests and a page that exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests import ROOT
from tests.repository.test_links import dead, links

PAGE = ROOT / "docs" / "reviewers.md"
TEXT = PAGE.read_text(encoding="utf-8")

# The tasks of the challenge by number, and what its list of components and its questions name.
TASKS = list("01234567")
COMPONENTS = """
    pipeline on an mlops platform
    data ingestion
    data cleaning
    data verification
    training
    evaluation
    metadata tracking
    data versioning
    artefacts in cloud storage
    images
    data snapshots
    unit tests
    data integrity tests
    integration
    infrastructure tests
    end-to-end tests of the service
    load tests
    scaling
    infrastructure as code
    performance of training and serving
    speed of a deployment
    logging
    packaging
    versioning
    openapi
    json schema
    authentication
    authorisation
    auditing
    latency
    throughput
    health
    alerting
    data drift
    concept drift
    infrastructure drift
    feedback
    retraining
""".strip().splitlines()
QUESTIONS = ("end to end", "unit and integration", "security and monitoring", "documentation", "performance and scalab",
             "what production needs")


def rows(section: str) -> list[list[str]]:
    """Return the cells of the table of a section, without its heading."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_task_is_there_and_leads_to_code_tests_and_a_page() -> None:
    """But the last one, which is the second table."""
    tasks = rows("Tasks")

    assert TASKS == [row[0][0] for row in tasks if row[0][0].isdigit()]
    for row in tasks:
        assert len(row) == 4 and (row[0].startswith("7.") or all(links(cell) for cell in row[1:])), row


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_is_there(component: str) -> None:
    """In the first cell of a row."""
    assert [row for row in rows("Components of an enterprise system") if component.strip() in row[0].lower()]


def test_every_component_has_code_tests_and_a_page_or_says_that_it_is_missing() -> None:
    """The page is one below docs/, or at the top; what tests is a test or its rules."""
    for row in rows("Components of an enterprise system"):
        assert len(row) == 5, row
        if row[1].startswith("no"):
            assert [] == links("".join(row[2:])), row
            continue
        _, there, code, tests, documents = row
        assert there and all(links(cell) for cell in (code, tests, documents)), row
        assert all("test" in target or target.startswith("../conformance") for target in links(tests)), row
        assert all("/test_" not in target for target in links(code)) or "test" in row[0].lower(), row
        assert all(Path(target).suffix in (".md", ".json") for target in links(documents)), row


def test_planted_faults_have_the_names_of_the_tests() -> None:
    """Of those that it links."""
    found = rows("Planted faults")

    assert len(found) == 10
    for row in found:
        tests = "".join((PAGE.parent / target).read_text(encoding="utf-8") for target in links(row[2]))
        assert tests and [] == [name for name in re.findall(r"`(.*?)`", row[1]) if f'"{name}"' not in tests], row


def test_every_question_has_an_answer_and_a_link() -> None:
    """Of the assessment."""
    found = rows("Questions of the assessment")

    assert len(found) == len(QUESTIONS)
    for question, row in zip(QUESTIONS, found, strict=True):
        assert question in row[0].lower() and row[1] and links(row[2]), row


def test_files_that_it_names_are_in_the_repository() -> None:
    """Not only on this machine, as a built one would be."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is an unpacked source archive, not a git repository")
    kept = listed.stdout.splitlines()
    for target in links(TEXT):
        path = (PAGE.parent / target.partition("#")[0]).resolve().relative_to(ROOT).as_posix()
        assert path in kept or any(file.startswith(f"{path}/") for file in kept), target


def test_make_targets_that_it_names_exist() -> None:
    """In backticks."""
    declared = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)`", TEXT))

    assert len(named) >= 6
    assert [] == [name for name in named if not re.search(rf"^[a-z -]*\b{name}\b[a-z -]*:", declared, re.MULTILINE)]


@pytest.mark.parametrize("reference", ["../tests/repository/test_reviewers.py", "../infra/checks/", "runbook.md",
                                       "adr/0001-descent-in-closed-form.md", "architecture.md"])
def test_a_dead_reference_is_found(reference: str) -> None:
    """A file, a folder, a page and a heading, planted into a good link."""
    row = f"| a | yes | [b]({reference}) |"

    assert [] == dead(PAGE, row)
    assert [f"{reference}x"] == dead(PAGE, row.replace(reference, f"{reference}x"))
    if reference.endswith(".md"):
        assert [f"{reference}#no-heading"] == dead(PAGE, row.replace(reference, f"{reference}#no-heading"))
