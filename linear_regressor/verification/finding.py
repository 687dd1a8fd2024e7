"""``Finding`` and ``VerificationReport``: what the checks of a data set found, as values and as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from linear_regressor.artefact.plain_values import count, listed, members, number, text, texts, whole_numbers
from linear_regressor.cleaning.steps import Step, describe
from linear_regressor.cleaning.steps_file import steps_from_plain
from linear_regressor.errors import ArtefactError, counted

FORMAT = 1
# Example rows of a finding.
MOST_ROWS = 5
# Checks whose severity a schema may set: those that compare with a reference, and those of leakage and repeated rows.
CHECKS = ("category-shift", "extreme", "leakage", "mean-shift", "missing-shift", "new-category", "relation-shift",
          "shape-shift", "shifted-rows", "sign", "spread-shift", "swapped-columns", "unit", "repeated-block",
          "repeated-file", "repeated-key", "repeated-rows", "overlap")
IGNORE = "ignore"


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
class StepCount:
    """A cleaning step, and how many rows it changes or drops."""

    step: Step
    # None if they were not counted
    rows: int | None

    def to_plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"step": self.step.to_plain(), "rows": self.rows}


@dataclass(frozen=True)
class VerificationReport:
    """All findings about a data set, errors first."""

    # location of the data, without credentials
    data: str
    rows: int
    schema_digest: str | None = None
    findings: tuple[Finding, ...] = ()
    # one line for each check that was not made, with the reason
    skipped: tuple[str, ...] = ()
    # the report of the data set that this one is compared with, such as the test rows
    against: VerificationReport | None = None
    # the cleaning steps of the schema, in order
    cleaning: tuple[StepCount, ...] = ()

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
                "skipped": list(self.skipped), "against": None if self.against is None else self.against.to_plain(),
                **({"cleaning": [each.to_plain() for each in self.cleaning]} if self.cleaning else {})}

    @classmethod
    def from_plain(cls, plain: Any) -> VerificationReport:
        """Build a report from plain values."""
        values = members({"cleaning": [], **plain} if isinstance(plain, dict) else plain, "the report",
                         {"format", "data", "rows", "schema_digest", "failed", "findings", "skipped", "against",
                          "cleaning"})
        if values["format"] != FORMAT:
            raise ArtefactError(f"the report has format {values['format']!r}, and this program reads format {FORMAT}")
        return cls(text(values["data"], "data"), count(values["rows"], "rows"),
                   _optional(values, "schema_digest", text),
                   tuple(map(_finding, listed(values["findings"], "findings"))), texts(values["skipped"], "skipped"),
                   _optional(values, "against", lambda plain, name: cls.from_plain(plain)),
                   tuple(map(_step_count, listed(values["cleaning"], "cleaning"))))

    @classmethod
    def load(cls, path: Path) -> VerificationReport:
        """Read a report that 'verify --json' has printed."""
        try:
            return cls.from_plain(json.loads(path.read_bytes()))
        except OSError as error:
            reason = error.strerror or str(error)
        except (ValueError, RecursionError):
            reason = "it is not JSON"
        except ArtefactError as error:
            reason = str(error)
        raise ArtefactError(f"cannot use the report {path}: {reason}; make one with 'linear-regressor verify DATA "
                            "--schema FILE --json'")

    def text(self) -> str:
        """Return the report as lines of text."""
        lines = [f"{self.data}: {counted(self.rows, 'row')}"]
        lines += [f"schema digest  {self.schema_digest}"] if self.schema_digest else []
        lines += [f"skipped        {reason}" for reason in self.skipped]
        lines += [f"cleaned        {describe(each.step)}: {counted(each.rows or 0, 'row')}" for each in self.cleaning]
        width = max((len(finding.check) for finding in self.findings), default=0)
        for finding in self.findings:
            lines.append(f"{finding.severity.value:<7}  {finding.check:<{width}}  {finding.message}")
            if finding.rows:
                lines.append(f"{'':<7}  {'':<{width}}  rows {', '.join(map(str, finding.rows))}"
                             f"{' ...' if (finding.count or 0) > len(finding.rows) else ''}")
        errors = sum(finding.severity is Severity.ERROR for finding in self.findings)
        lines.append(f"{counted(errors, 'error')}, {counted(len(self.findings) - errors, 'warning')}")
        return "\n".join(lines) + ("" if self.against is None else f"\n\n{self.against.text()}")


def severities_from_plain(plain: Any) -> dict[str, str]:
    """Check the severities that a schema sets, by check."""
    if not isinstance(plain, dict):
        raise ArtefactError("severity must be a mapping of checks, such as {leakage: error}")
    allowed = (*(each.value for each in Severity), IGNORE)
    for check, severity in plain.items():
        if check not in CHECKS:
            raise ArtefactError(f"severity: unknown check {str(check)[:100]!r}; use {', '.join(CHECKS)}")
        if severity not in allowed:
            raise ArtefactError(f"severity of {check} must be {', '.join(allowed[:-1])} or {IGNORE}, not "
                                f"{str(severity)[:100]!r}")
    return plain


def judged(findings: Iterable[Finding], severities: Mapping[str, str]) -> tuple[Finding, ...]:
    """Give findings the severities that a schema sets, and leave out those that it ignores."""
    return tuple(replace(each, severity=Severity(severities.get(each.check, each.severity.value)))
                 for each in findings if severities.get(each.check) != IGNORE)


def _finding(plain: Any) -> Finding:
    """Build a finding from plain values."""
    values = members(plain, "a finding", {"check", "column", "severity", "message", "count", "share", "rows"})
    if values["severity"] not in tuple(Severity):
        raise ArtefactError(f"a finding has the unknown severity {values['severity']!r}")
    return Finding(text(values["check"], "check"), _optional(values, "column", text), Severity(values["severity"]),
                   text(values["message"], "message"), _optional(values, "count", count),
                   _optional(values, "share", number), tuple(whole_numbers(values["rows"], "rows").tolist()))


def _step_count(plain: Any) -> StepCount:
    """Build a step with its count from plain values; its columns are those of the schema."""
    values = members(plain, "a cleaning step", {"step", "rows"})
    return StepCount(steps_from_plain([values["step"]])[0], _optional(values, "rows", count))


def _optional(values: Mapping[str, Any], name: str, read: Any) -> Any:
    """Read a value that may be None."""
    return None if values[name] is None else read(values[name], name)
