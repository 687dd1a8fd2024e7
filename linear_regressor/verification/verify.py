"""``verify``: all checks of a data set, as one report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from linear_regressor.tables.cleaned_table import CleanedTable
from linear_regressor.tables.row_store import RowStore
from linear_regressor.tables.table import Table
from linear_regressor.verification.data_summary import DataSummary, summarize
from linear_regressor.verification.finding import Finding, StepCount, VerificationReport, judged
from linear_regressor.verification.leakage import check_leakage, leakage_skipped
from linear_regressor.verification.learning import learn
from linear_regressor.verification.overlap import check_overlap
from linear_regressor.verification.recorded_rows import RecordedRows
from linear_regressor.verification.reference_checks import check_reference, relations_skipped
from linear_regressor.verification.repeats import Repeats, check_repeats
from linear_regressor.verification.schema import Reference, Schema
from linear_regressor.verification.schema_checks import check_declared

NO_SCHEMA = ("schema checks: there is no schema; learn one with 'linear-regressor verify DATA --schema schema.yaml "
             "--learn'")
# Up to so many rows repeated ones are looked for unasked: that takes about as long as all other checks, and with more
# rows longer.
UNASKED_ROWS = 2_000_000
TOO_MANY = ("repeated rows: about {:,} rows would take longer than all other checks; 'linear-regressor "
            "verify --repeats' looks for them")
ROUNDED_KEY = ("repeated keys and overlaps of keys: column {!r} has whole numbers over 2**53, which are rounded; "
               "declare it with kind: text")


@dataclass(frozen=True, eq=False)
class Verification:
    """A report, and what it is about."""

    report: VerificationReport
    summary: DataSummary
    # None without a schema
    schema: Schema | None
    # what the rows were compared with; None if the schema was learned from them
    reference: Reference | None = None
    # of the data set that was compared with this one
    against: Verification | None = None


def verify(data: Table, schema: Schema | None, against: Table | None = None, repeats: bool = False) -> Verification:
    """Check a data set, and another one that has to be like it; without a schema it is compared with the first one.

    Repeated rows are looked for in any number of rows if that is asked for.
    """
    skipped = () if repeats else _too_many(data, against)
    with RowStore() as store:
        rows = None if skipped else RecordedRows(store, "data", schema)
        other: Verification | None = None
        report, summary, found = _verified(data, schema, rows)
        if against is not None:
            like, others = schema or _learn(data, summary), None if rows is None else RecordedRows(
                store, "against", schema, rows)
            other_report, other_summary, _ = _verified(against, like, others)
            other_report = replace(other_report, schema_digest=report.schema_digest,
                                   skipped=other_report.skipped + _rounded(others))
            other = Verification(other_report, other_summary, like, like.reference)
            overlap = [] if rows is None or others is None else check_overlap(rows, others, found, against.location)
            report = replace(report, findings=report.findings + judged(overlap, _severities(schema)),
                             against=other_report)
    return Verification(replace(report, skipped=report.skipped + skipped + _rounded(rows)), summary, schema,
                        None if schema is None else schema.reference, other)


def learn_schema(data: Table, declared: Schema | None, repeats: bool = False) -> Verification:
    """Learn a schema, which keeps what an older one declares, and check the data set itself."""
    table = CleanedTable.after(data, () if declared is None else declared.cleaning)
    skipped = () if repeats else _too_many(data)
    with RowStore() as store:
        rows = None if skipped else RecordedRows(store, "data", declared)
        summary, found = _read(table, declared, rows, learning=True)
    schema = _learn(data, summary, declared)
    findings = [*check_declared(summary, schema), *check_leakage(summary, schema), *found.findings]
    report = _report(table, summary, schema, findings, leakage_skipped(summary, schema))
    return Verification(replace(report, skipped=report.skipped + skipped + _rounded(rows)), summary, schema)


def _rounded(rows: RecordedRows | None) -> tuple[str, ...]:
    """Say why the keys of a data set are not compared, if they are rounded."""
    return () if rows is None or rows.rounded_key is None else (ROUNDED_KEY.format(rows.rounded_key),)


def _too_many(*tables: Table | None) -> tuple[str, ...]:
    """Say why repeated rows are not looked for, unless the rows are few enough."""
    rows = sum(table.estimated_rows() for table in tables if table is not None)
    return () if rows <= UNASKED_ROWS else (TOO_MANY.format(rows),)


def _verified(data: Table, schema: Schema | None,
              rows: RecordedRows | None) -> tuple[VerificationReport, DataSummary, Repeats]:
    """Make all checks of one data set."""
    table = CleanedTable.after(data, () if schema is None else schema.cleaning)
    summary, found = _read(table, schema, rows)
    findings, skipped = [*check_declared(summary, schema), *found.findings], [NO_SCHEMA]
    if schema is not None:
        findings += [*check_leakage(summary, schema), *check_reference(summary, schema)]
        skipped = [*leakage_skipped(summary, schema), *relations_skipped(summary, schema)]
    return _report(table, summary, schema, findings, skipped), summary, found


def _read(table: Table, schema: Schema | None, rows: RecordedRows | None,
          learning: bool = False) -> tuple[DataSummary, Repeats]:
    """Read a data set once, and look for repeated rows if they are recorded."""
    if rows is None:
        return summarize(table, schema, learning), Repeats()
    return summarize(rows.recording(table), schema, learning), check_repeats(rows)


def _learn(data: Table, summary: DataSummary, declared: Schema | None = None) -> Schema:
    """Learn a schema; a second pass ranks the values, since the bins are known only after the first one."""
    schema = learn(summary, declared)
    if schema.reference is None or len(schema.reference.numbers) < 2:
        return schema
    ranks = summarize(CleanedTable.after(data, schema.cleaning), schema).ranks
    return replace(schema, reference=replace(schema.reference, ranks=ranks))


def _report(data: CleanedTable, summary: DataSummary, schema: Schema | None, findings: list[Finding],
            skipped: Iterable[str]) -> VerificationReport:
    """Put a report together."""
    return VerificationReport(data.location, summary.rows, None if schema is None else schema.digest,
                              judged(findings, _severities(schema)), tuple(skipped),
                              cleaning=tuple(map(StepCount, data.steps, data.counts.tolist())))


def _severities(schema: Schema | None) -> dict[str, str]:
    """Return what a schema sets."""
    return {} if schema is None else schema.severity
