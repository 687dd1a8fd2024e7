"""``Verified``: what a model's card says of the verification of its rows, and what the gate needs of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from linear_regressor.artefact.plain_values import count, members, text, texts
from linear_regressor.errors import ArtefactError, UnusableDataError, counted
from linear_regressor.verification.finding import Severity, VerificationReport

# The key of the model card; a model whose rows were not verified has none.
KEY = "verification"
# Names of checks that a sentence lists.
MOST_NAMED = 5


@dataclass(frozen=True)
class Verified:
    """One verification, without its sentences and example rows."""

    # of the whole data set
    rows: int
    # None without a schema
    schema_digest: str | None
    passed: bool
    # number of findings
    errors: int
    warnings: int
    # names of the checks that found something, errors first, each once
    findings: tuple[str, ...]

    @classmethod
    def of(cls, report: VerificationReport) -> Verified:
        """Sum up a report; of a data set that was compared with another one, both."""
        findings = [*report.findings, *(() if report.against is None else report.against.findings)]
        findings.sort(key=lambda finding: finding.severity is not Severity.ERROR)
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        return cls(report.rows, report.schema_digest, not report.failed, errors, len(findings) - errors,
                   tuple(dict.fromkeys(finding.check for finding in findings)))

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Verified | None:
        """Read the entry of a card; None without one."""
        if KEY not in card:
            return None
        values = members(card[KEY], KEY, set(cls.__dataclass_fields__))
        if type(values["passed"]) is not bool:
            raise ArtefactError(f"{KEY}: passed is neither true nor false")
        digest = values["schema_digest"]
        return cls(count(values["rows"], "rows"), None if digest is None else text(digest, "schema_digest"),
                   values["passed"], count(values["errors"], "errors"), count(values["warnings"], "warnings"),
                   texts(values["findings"], "findings"))

    def to_card(self) -> dict[str, Any]:
        """Return the value of the card's key ``verification``."""
        return {**asdict(self), "findings": list(self.findings)}

    @property
    def summary(self) -> str:
        """Rows, schema and number of findings, without a sentence's beginning and end."""
        schema = "without a schema" if self.schema_digest is None else f"against schema {self.schema_digest[:19]}"
        named = ", ".join(self.findings[:MOST_NAMED]) + (", ..." if len(self.findings) > MOST_NAMED else "")
        found = f"{counted(self.errors, 'error')}, {counted(self.warnings, 'warning')}"
        return f"{counted(self.rows, 'row')} {schema}: {found}{f' ({named})' if named else ''}"


def require_passed(report: VerificationReport) -> Verified:
    """Reject data with an error."""
    verified = Verified.of(report)
    if not verified.passed:
        raise UnusableDataError(f"{report.data} failed its verification, {verified.summary}: nothing was written; "
                                "correct the rows or the schema")
    return verified
