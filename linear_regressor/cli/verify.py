"""``linear-regressor verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.cli import options
from linear_regressor.errors import counted

if TYPE_CHECKING:
    from linear_regressor.files.reading import Reading

FAILED = 5


@click.command()
@click.argument("data", metavar="DATA")
@click.option("--against", metavar="PATH|GLOB|URL", show_default="none",
              help="Data set that must be like DATA, such as its test rows; it is checked, too.")
@click.option("--schema", "schema_path", metavar="FILE", type=options.LocalFile(), show_default="none",
              help="Schema that the data must satisfy, a YAML file.")
@click.option("--learn", "learning", is_flag=True,
              help="Learn the schema from DATA and write it to --schema. What an existing file declares is kept; its "
                   "reference is replaced.")
@click.option("--repeats", is_flag=True,
              help="Look for repeated rows, and for rows of --against in DATA, however many rows there are. Up to "
                   "2,000,000 rows this is done without the option.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--html", "html_path", type=options.LocalFile(), show_default="none",
              help="File to write the report to as a page with figures, too.")
@options.reading
@click.pass_context
def verify(context: click.Context, data: str, against: str | None, schema_path: Path | None, learning: bool,
           repeats: bool, as_json: bool, html_path: Path | None, reading: Reading) -> None:
    """Check a data set before anything is trained on it.

    Reads DATA, a file, a folder, a glob or a URL, once (twice to learn), in constant memory unless --repeats is given,
    and compares it with its schema: columns, types, ranges, categories and missing values, and with the rows that the
    schema was learned from. Without a schema only those checks are made that need none.

    Prints each finding with its column, number of rows and example rows. The exit code is 0 without an error, 5 with
    one, and 1 if the data or the schema cannot be read.

    \b
    Examples:
      linear-regressor verify train.csv --schema schema.yaml --learn
      linear-regressor verify new.parquet --schema schema.yaml --html report.html
    """
    if learning and schema_path is None:
        raise click.UsageError("--learn needs --schema FILE, the file to write.")
    if learning and against is not None:
        raise click.UsageError("--learn and --against exclude each other: learn the schema first.")
    from linear_regressor.cli.output import require_different, require_not_data
    from linear_regressor.files.locations import Locations
    from linear_regressor.output_file import is_stdout, is_stream, write_file
    from linear_regressor.tables.table import Table
    from linear_regressor.verification.schema import Schema
    from linear_regressor.verification.verify import learn_schema
    from linear_regressor.verification.verify import verify as verify_data

    table = Table.of(Locations((data,), reading))
    other = None if against is None else Table.of(Locations((against,), reading))
    outputs = {"--html": html_path} if html_path is not None else {}
    if schema_path is not None:
        require_different(outputs, {schema_path: "the schema"})
    if learning and schema_path is not None:
        outputs["--schema"] = schema_path
    for each in filter(None, (table, other)):
        require_not_data(each, outputs)
    new = schema_path is None or learning and (is_stream(schema_path) or not schema_path.exists())
    schema = None if schema_path is None or new else Schema.load(schema_path)
    if learning:
        verification = learn_schema(table, schema, repeats)
    else:
        verification = verify_data(table, schema, other, repeats)
    if learning and schema_path is not None and verification.schema is not None:
        verification.schema.save(schema_path)
        columns = counted(len(verification.schema.columns), "column")
        click.echo(f"schema of {columns} in {schema_path}: review it", err=True)
    report = verification.report
    text = json.dumps(report.to_plain(), indent=1, allow_nan=False) if as_json else report.text()
    click.echo(text, err=any(map(is_stdout, outputs.values())))
    if html_path is not None:
        from linear_regressor.verification.report_page import verification_file

        page = verification_file(verification)
        write_file(html_path, lambda file: file.write(page))
    context.exit(FAILED if report.failed else 0)
