"""``verify``: all checks of a data set, as one report."""

from __future__ import annotations

from dataclasses import dataclass, replace

from linear_regressor.data.table import Table
from linear_regressor.verification.data_summary import DataSummary, summarize
from linear_regressor.verification.finding import Finding, VerificationReport
from linear_regressor.verification.learning import learn
from linear_regressor.verification.schema import Schema
from linear_regressor.verification.schema_checks import check_declared

NO_SCHEMA = ("schema checks: there is no schema; learn one with 'linear-regressor verify DATA --schema schema.yaml "
             "--learn'")


@dataclass(frozen=True, eq=False)
class Verification:
    """A report, and what it is about."""

    report: VerificationReport
    summary: DataSummary
    # what the data set was compared with; None without a schema
    schema: Schema | None


def verify(data: Table, schema: Schema | None, against: Table | None = None) -> Verification:
    """Check a data set, and another one that has to be like it.

    Without a schema the other data set is compared with the first one.
    """
    summary = summarize(data, schema)
    report = _report(data, summary, schema, check_declared(summary, schema))
    if against is not None:
        other = verify(against, schema or learn(summary)).report
        report = replace(report, against=replace(other, schema_digest=report.schema_digest))
    return Verification(report, summary, schema)


def learn_schema(data: Table, declared: Schema | None) -> Verification:
    """Learn a schema, which keeps what an older one declares, and check the data set itself."""
    summary = summarize(data, declared, learning=True)
    schema = learn(summary, declared)
    return Verification(_report(data, summary, schema, check_declared(summary, schema)), summary, schema)


def _report(data: Table, summary: DataSummary, schema: Schema | None, findings: list[Finding]) -> VerificationReport:
    """Put a report together."""
    return VerificationReport(data.location, summary.rows, None if schema is None else schema.digest,
                              tuple(findings), (NO_SCHEMA,) if schema is None else ())
