"""Verification of new feedback before a model learns from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.cleaning.steps import value_steps
from linear_regressor.errors import ArtefactError
from linear_regressor.predictions.feedback_export import write_numbers
from linear_regressor.retraining.gate import Verification
from linear_regressor.retraining.new_feedback import NewFeedback
from linear_regressor.tables.table import Table
from linear_regressor.temporary_files import temporary_folder
from linear_regressor.verification.finding import VerificationReport
from linear_regressor.verification.narrowing import narrowed
from linear_regressor.verification.schema import Schema
from linear_regressor.verification.verified import Verified
from linear_regressor.verification.verify import verify

Array = NDArray[np.float64]
SERIAL = np.dtype("<i8")


def verify_feedback(champion: Artefact, feedback: NewFeedback, schema: Schema | None) -> VerificationReport | None:
    """Check the rows that are still stored, with their serial numbers as row numbers; None if none are.

    The rows pass through a temporary file, so that they are checked as any data set is, in constant memory.
    """
    names = (*champion.features, champion.target)
    own = None if schema is None else narrowed(schema, names)  # without the steps: feedback is stored cleaned
    if schema is not None and value_steps(schema.cleaning, names) != champion.cleaning:
        raise ArtefactError("the schema cleans other values than the model in use does: train a new model with it, or "
                            "give the schema that the model was trained with")
    known = names if own is None else tuple(own.by_name)
    location = f"feedback {feedback.cut + 1} to {feedback.end}"
    with temporary_folder() as folder:
        path, serials = folder / "feedback.parquet", folder / "serials"
        with serials.open("wb") as file:
            blocks = _blocks(feedback, [names.index(name) for name in known], file)
            if not write_numbers(blocks, known, path):
                return None
        report = verify(Table(location, Table.of(str(path)).files), own).report
        numbers = np.memmap(serials, SERIAL, "r")
        report = replace(report, findings=tuple(
            replace(finding, rows=tuple(int(numbers[row - 1]) for row in finding.rows)) for finding in report.findings))
    if schema is None:
        return report
    left_out = tuple(f"column {name!r}: the schema does not declare it as a number" for name in names
                     if name not in known)
    return replace(report, schema_digest=schema.digest, skipped=(*report.skipped, *left_out))


def verification_of(report: VerificationReport | None, feedback: NewFeedback) -> Verification | None:
    """What the gate needs of a report."""
    if report is None:
        return None
    whole = round(feedback.rows_since(None))
    gone = "" if report.rows == whole else f" (the other {whole - report.rows} rows of feedback have been deleted)"
    return Verification(not report.failed, f"retrain checked feedback, {Verified.of(report).summary}{gone}")


def _blocks(feedback: NewFeedback, places: list[int], serials: BinaryIO) -> Iterator[Array]:
    """Read the rows, and write their serial numbers to a file."""
    for X, y, numbers in feedback.rows_of(feedback.blocks).numbered():
        serials.write(numbers.astype(SERIAL).tobytes())
        yield np.column_stack([X, y])[:, places]
