"""``Finding`` and ``VerificationReport``: what the checks of a data set found, as values and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from linear_regressor.artefact.plain_values import count, listed, members, number, text, texts, whole_numbers
from linear_regressor.errors import ArtefactError

FORMAT = 1
# Example rows of a finding.
MOST_ROWS = 5


class Severity(str, Enum):
    """Whether a finding makes a data set unusable."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a data set."""

    # name of the check, such as "missing" or "range"
    check: str
    # name of the column; None for a finding about several columns or about whole rows
    column: str | None
    severity: Severity
    # what, where and what to do, as one sentence
    message: str
    # number of rows that it concerns, and their share of all rows; None where rows cannot be counted
    count: int | None = None
    share: float | None = None
    # numbers of at most five of these rows, from 1, in the order of the files
    rows: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Keep the first example rows only."""
        object.__setattr__(self, "rows", tuple(self.rows[:MOST_ROWS]))


@dataclass(frozen=True)
class VerificationReport:
    """All findings about a data set, errors first."""

    # location of the data, as it was given
    data: str
    rows: int
    schema_digest: str | None = None
    findings: tuple[Finding, ...] = ()
    # one line for each check that was not made, with the reason
    skipped: tuple[str, ...] = ()
    # the report of the data set that this one is compared with, such as the test rows
    against: VerificationReport | None = None

    def __post_init__(self) -> None:
        """Put errors before warnings."""
        in_order = sorted(self.findings, key=lambda finding: finding.severity is not Severity.ERROR)
        object.__setattr__(self, "findings", tuple(in_order))

    @property
    def failed(self) -> bool:
        """Whether the data must not be used."""
        return any(finding.severity is Severity.ERROR for finding in self.findings) or (
            self.against is not None and self.against.failed)

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        findings = [{**asdict(finding), "severity": finding.severity.value, "rows": list(finding.rows)}
                    for finding in self.findings]
        return {"format": FORMAT, "data": self.data, "rows": self.rows,
                "schema_digest": self.schema_digest, "failed": self.failed, "findings": findings,
                "skipped": list(self.skipped), "against": None if self.against is None else self.against.to_plain()}

    @classmethod
    def from_plain(cls, plain: Any) -> VerificationReport:
        """Build a report from plain values."""
        values = members(plain, "the report", {"format", "data", "rows", "schema_digest", "failed", "findings",
                                               "skipped", "against"})
        if values["format"] != FORMAT:
            raise ArtefactError(f"the report has format {values['format']!r}, and this program reads format {FORMAT}")
        return cls(text(values["data"], "data"), count(values["rows"], "rows"),
                   _optional(values, "schema_digest", text),
                   tuple(map(_finding, listed(values["findings"], "findings"))), texts(values["skipped"], "skipped"),
                   _optional(values, "against", lambda plain, name: cls.from_plain(plain)))

    def text(self) -> str:
        """Return the report as lines of text."""
        lines = [f"{self.data}: {self.rows} rows"]
        lines += [f"schema digest  {self.schema_digest}"] if self.schema_digest else []
        lines += [f"skipped        {reason}" for reason in self.skipped]
        width = max((len(finding.check) for finding in self.findings), default=0)
        for finding in self.findings:
            lines.append(f"{finding.severity.value:<7}  {finding.check:<{width}}  {finding.message}")
            if finding.rows:
                lines.append(f"{'':<7}  {'':<{width}}  rows {', '.join(map(str, finding.rows))}"
                             f"{' ...' if (finding.count or 0) > len(finding.rows) else ''}")
        errors = sum(finding.severity is Severity.ERROR for finding in self.findings)
        lines.append(f"{_counted(errors, 'error')}, {_counted(len(self.findings) - errors, 'warning')}")
        return "\n".join(lines) + ("" if self.against is None else f"\n\n{self.against.text()}")


def _finding(plain: Any) -> Finding:
    """Build a finding from plain values."""
    values = members(plain, "a finding", {"check", "column", "severity", "message", "count", "share", "rows"})
    if values["severity"] not in set(Severity):
        raise ArtefactError(f"a finding has the unknown severity {values['severity']!r}")
    return Finding(text(values["check"], "check"), _optional(values, "column", text), Severity(values["severity"]),
                   text(values["message"], "message"), _optional(values, "count", count),
                   _optional(values, "share", number), tuple(whole_numbers(values["rows"], "rows").tolist()))


def _optional(values: Mapping[str, Any], name: str, read: Any) -> Any:
    """Read a value that may be None."""
    return None if values[name] is None else read(values[name], name)


def _counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
