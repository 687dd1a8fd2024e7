"""What a card says of a verification."""

from __future__ import annotations

from typing import Any

import pytest

from linear_regressor.errors import ArtefactError, UnusableDataError
from linear_regressor.verification.finding import Finding, Severity, VerificationReport
from linear_regressor.verification.verified import Verified, require_passed

CLEAN = Verified(3, None, True, 0, 0, ())


def report(*found: tuple[str, Severity], against: VerificationReport | None = None) -> VerificationReport:
    """Make a report of findings."""
    return VerificationReport("rows.csv", 1200, "sha256:" + "ab" * 32,
                              tuple(Finding(check, "age", severity, "it is wrong") for check, severity in found),
                              against=against)


def test_a_report_is_summed_up_with_errors_first() -> None:
    """Each check once; those of the data set that was compared count, too."""
    other = report(("type", Severity.ERROR), ("order", Severity.WARNING))
    found = Verified.of(report(("constant", Severity.WARNING), ("order", Severity.WARNING), against=other))
    assert found == Verified(1200, "sha256:" + "ab" * 32, False, 1, 3, ("type", "constant", "order"))
    assert found.summary == "1200 rows against schema sha256:abababababab: 1 error, 3 warnings (type, constant, order)"
    assert CLEAN.summary == "3 rows without a schema: 0 errors, 0 warnings"


def test_many_checks_are_not_all_named() -> None:
    """The first five."""
    found = Verified.of(report(*((f"check-{number}", Severity.WARNING) for number in range(7))))
    assert found.summary.endswith("(check-0, check-1, check-2, check-3, check-4, ...)") and len(found.findings) == 7


def test_data_that_fail_are_an_error_of_one_line() -> None:
    """Warnings are none."""
    assert require_passed(report(("order", Severity.WARNING))).warnings == 1
    with pytest.raises(UnusableDataError, match=r"rows\.csv failed its verification, 1200 rows .*\(type\)") as caught:
        require_passed(report(("type", Severity.ERROR)))
    assert caught.value.exit_code == 5 and "\n" not in str(caught.value)


def test_a_card_without_an_entry_has_none() -> None:
    """And an entry is read as it was written."""
    assert Verified.of_card({}) is None
    assert Verified.of_card({"verification": CLEAN.to_card()}) == CLEAN


@pytest.mark.parametrize("damaged", [{"passed": 1}, {"rows": -1}, {"findings": "range"}, {"more": 1}, {"errors": "0"},
                                     {"schema_digest": 5}])
def test_a_damaged_entry_is_an_error(damaged: dict[str, Any]) -> None:
    """Never an answer to the gate."""
    with pytest.raises(ArtefactError):
        Verified.of_card({"verification": CLEAN.to_card() | damaged})
