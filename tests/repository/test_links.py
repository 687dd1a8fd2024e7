"""Links in Markdown files lead to files and headings that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import ROOT

FOLDERS = (ROOT, ROOT / "docs", ROOT / "docs" / "adr", ROOT / "tests" / "nist")
PAGES = sorted(str(page.relative_to(ROOT)) for folder in FOLDERS for page in folder.glob("*.md"))
REVIEWERS = (ROOT / "docs" / "reviewers.md").read_text(encoding="utf-8")


def links(text: str) -> list[str]:
    """List the targets of links and images, without those in code."""
    plain = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", plain) if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """Name the headings of a page as GitHub does."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Relative ones; other sites are not asked."""
    page = ROOT / name
    broken = []
    for target in links(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        to = page.parent / path if path else page
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to)):
            broken.append(target)

    assert [] == broken


def test_every_component_has_code_tests_and_a_page_or_says_that_it_is_missing() -> None:
    """In the tables of docs/reviewers.md."""
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in REVIEWERS.splitlines()
            if line.startswith("| ") and line.count("|") == 6]
    components = [row for row in rows if row[0] != "component"]

    assert len(components) >= 20
    assert [] == [row[0] for row in components if not all(row[2:]) and not row[1].startswith("no")]
