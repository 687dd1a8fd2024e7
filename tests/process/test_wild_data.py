"""The referee of ``make test-wild-data`` finds each kind of difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.wild_data import Wild, check, wild

ROWS = "id;size;note;price\n1;2,5;a;10\n2;NA;b;11\n3;4,5;;13\n4;6;d;17\n5;7,5;e;19\n6;8;f;21\n7;9;NA;22\n"
FILE = wild("test", "rows.csv", "price ~ size", "--decimal", ",", where="note <> 'e'",
            keep=lambda frame: frame["note"].notna() & (frame["note"] != "e"), sep=";", decimal=",")


def doubled(text: str) -> float:
    """Read a value wrongly."""
    return float("nan") if text == "NA" else 2.0 * float(text.replace(",", "."))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a file with semicolons, decimal commas and missing values."""
    path = tmp_path / "rows.csv"
    path.write_text(ROWS * 1 + "".join(f"{row};{row},25;x;{row * row}\n" for row in range(8, 40)))
    return path


def test_a_file_with_warts_agrees_with_pandas(path: Path, tmp_path: Path) -> None:
    """Rows, line and predictions."""
    assert "" == check(FILE, path, tmp_path)


@pytest.mark.parametrize(("changed", "fault"), [
    (replace(FILE, keep=None), "rows instead of"),
    (replace(FILE, keep=lambda frame: frame["note"] == "e"), "rows instead of"),
    (replace(FILE, options=()), "moments: Error: "),
    (replace(FILE, pandas={**FILE.pandas, "converters": {"size": doubled}}), "slopes differ"),
])
def test_a_difference_is_a_fault(path: Path, tmp_path: Path, changed: Wild, fault: str) -> None:
    """Other rows, an option that is missing, other values."""
    assert fault in check(changed, path, tmp_path)


def test_a_changed_copy_is_a_fault(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is not what the file has."""
    read = pd.read_csv
    monkeypatch.setattr(pd, "read_csv", lambda file, **how: (
        read(file, **how).replace("x", "y") if str(file).endswith("predictions.csv") else read(file, **how)))

    assert "a copied value differs" == check(FILE, path, tmp_path)
