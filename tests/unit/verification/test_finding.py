"""``Finding`` and ``VerificationReport``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from linear_regressor.errors import ArtefactError
from linear_regressor.verification.finding import Finding, Severity, VerificationReport

WARNING = Finding("order", None, Severity.WARNING, "look at it")
ERROR = Finding("range", "age", Severity.ERROR, "correct it", 7, 0.07, (1, 2, 3, 4, 5, 6, 7))
REPORT = VerificationReport("train.csv", 100, "sha256:1", (WARNING, ERROR), ("one reason",),
                            VerificationReport("test.csv", 10))


def test_errors_come_first_with_at_most_five_rows() -> None:
    """The order of the checks does not matter."""
    assert [finding.check for finding in REPORT.findings] == ["range", "order"]
    assert REPORT.findings[0].rows == (1, 2, 3, 4, 5)


@pytest.mark.parametrize(("report", "failed"), [
    (REPORT, True), (VerificationReport("a", 1, findings=(WARNING,)), False), (VerificationReport("a", 1), False),
    (VerificationReport("a", 1, against=REPORT), True)])
def test_an_error_fails_and_a_warning_does_not(report: VerificationReport, failed: bool) -> None:
    """Also an error of the other data set."""
    assert report.failed is failed


def test_plain_values_survive_json() -> None:
    """Every part, with both data sets."""
    assert VerificationReport.from_plain(json.loads(json.dumps(REPORT.to_plain()))) == REPORT


@pytest.mark.parametrize(("changed", "reason"), [
    ({"format": 2}, "the report has format 2, and this program reads format 1"),
    ({"rows": -1}, "rows must be a whole number of at least 0"),
    ({"findings": [{}]}, "a finding has no 'check'"),
    ({"more": 1}, "the report has the unknown key 'more'"),
    ({"findings": [{**REPORT.to_plain()["findings"][0], "severity": "fatal"}]}, "unknown severity 'fatal'"),
    ({"findings": [{**REPORT.to_plain()["findings"][0], "severity": []}]}, r"unknown severity \[\]")])
def test_other_plain_values_are_rejected(changed: dict[str, Any], reason: str) -> None:
    """One line that names the part."""
    with pytest.raises(ArtefactError, match=reason):
        VerificationReport.from_plain({**REPORT.to_plain(), **changed})


def test_the_text_has_every_part() -> None:
    """Findings with their rows, what was skipped, and the numbers of errors and warnings of each data set."""
    assert REPORT.text() == """\
train.csv: 100 rows
schema digest  sha256:1
skipped        one reason
error    range  correct it
                rows 1, 2, 3, 4, 5 ...
warning  order  look at it
1 error, 1 warning

test.csv: 10 rows
0 errors, 0 warnings"""
