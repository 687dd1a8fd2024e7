"""References that people have edited: an error of one line, or a report."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linear_regressor.errors import ArtefactError, DataError
from linear_regressor.tables.table import Table
from linear_regressor.verification.report_page import verification_file
from linear_regressor.verification.schema import Column, Schema
from linear_regressor.verification.verify import learn_schema, verify

ROWS = 100
DECLARED = Schema((Column("y", "number", role="target"),))
DROPPED = object()


def write(path: Path, seed: int, sexes: str) -> Table:
    """Write a column of each kind."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(ROWS, 2)) @ [[1.0, 2.0], [0.0, 1.0]]
    lines = [f"{row},{a},{sexes[row % 2]},{'true' if row % 3 else 'false'},2026-01-{1 + row // 10:02d},{y}"
             for row, (a, y) in enumerate(numbers)]
    path.write_text("\n".join(["id,a,sex,ok,day,y", *lines]) + "\n")
    return Table.of(str(path))


def places(plain: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name each part, and of a list its first and last one."""
    if place:
        yield place
    keys = list(plain) if isinstance(plain, dict) else [0, len(plain) - 1] if isinstance(plain, list) and plain else []
    for key in dict.fromkeys(keys):
        yield from places(plain[key], (*place, key))


def edited(plain: dict[str, Any], place: tuple[Any, ...], value: object) -> dict[str, Any]:
    """Change or drop a part of a reference."""
    changed = copy.deepcopy(plain)
    within = changed["reference"]
    for key in place[:-1]:
        within = within[key]
    if value is DROPPED:
        del within[place[-1]]
    else:
        within[place[-1]] = value
    return changed


@pytest.mark.parametrize("value", [
    DROPPED, None, "x", [], {}, True, 0, -1, 1, 10**400, 2**63, 1e308, -1e308, 5e-324, float("nan"), float("inf")],
    ids=lambda value: "dropped" if value is DROPPED else str(value)[:8])
def test_an_edited_reference_never_ends_in_an_unexpected_error(tmp_path: Path, value: object) -> None:
    """Whatever a part of it is replaced by; the page is drawn, too."""
    learned = learn_schema(write(tmp_path / "a.csv", 1, "fm"), DECLARED).schema
    other = write(tmp_path / "b.csv", 2, "gm")
    assert learned is not None
    plain, rejected = learned.to_plain(), 0
    for place in places(plain["reference"]):
        try:
            schema = Schema.from_plain(edited(plain, place, value))
            verification_file(verify(other, schema))
        except (ArtefactError, DataError) as error:
            assert "\n" not in str(error), place
            rejected += 1
        except Exception as error:
            raise AssertionError(f"{place} = {str(value)[:20]}") from error
    assert rejected > 0
