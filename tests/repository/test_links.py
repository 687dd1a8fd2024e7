"""Links in Markdown files lead to files and headings that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import ROOT

FOLDERS = (ROOT, ROOT / "docs", ROOT / "docs" / "adr", ROOT / "tests" / "nist")
PAGES = sorted(str(page.relative_to(ROOT)) for folder in FOLDERS for page in folder.glob("*.md"))


def links(text: str) -> list[str]:
    """List the targets of links and images, without those in code."""
    plain = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", plain) if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """Name the headings of a page as GitHub does."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead(page: Path, text: str) -> list[str]:
    """List the links of a page that lead nowhere."""
    found = []
    for target in links(text):
        path, _, anchor = target.partition("#")
        to = page.parent / path if path else page
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to)):
            found.append(target)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Relative ones; other sites are not asked."""
    page = ROOT / name

    assert [] == dead(page, page.read_text(encoding="utf-8"))
