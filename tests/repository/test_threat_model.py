"""The threat model names tests that exist."""

from __future__ import annotations

import re

from tests.running_server import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text()


def test_every_named_test_exists() -> None:
    """In any folder of tests."""
    folders = ("tests", "infra", "pipelines", "conformance")
    files = [path for folder in folders for path in (ROOT / folder).rglob("test_*.py")]
    known = {name for path in files for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)}
    named = re.findall(r"`(test_\w+)`", PAGE)

    assert len(named) > 40
    assert [] == sorted(set(named) - known)


def test_every_threat_has_a_control_and_a_test() -> None:
    """All rows of the six tables."""
    sections = re.findall(r"^## (Spoofing|Tampering|Repudiation|Information disclosure|Denial of service|Elevation of "
                          r"privilege)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert len(sections) == 6
    for title, text in sections:
        rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")][1:]
        assert len(rows) >= 3, title
        for row in rows:
            assert len(row) == 3 and all(cell.strip() for cell in row) and "`test_" in row[2], row
        assert "\nRemains: " in text, title
