"""Checks against a reference where columns are few, empty, constant or not of numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from linear_regressor.tables.table import Table
from linear_regressor.verification.finding import Finding
from linear_regressor.verification.schema import Column, Schema
from linear_regressor.verification.verify import learn_schema, verify

SEED = 14
ROWS = 600
# by name, any sequence of values
Columns = dict[str, Any]


def table(path: Path, columns: Columns) -> Table:
    """Write a CSV file."""
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in zip(
        *columns.values(), strict=True))]) + "\n")
    return Table.of(str(path))


def compare(folder: Path, old: Columns, new: Columns, declared: Schema | None = None,
            with_ranks: bool = True) -> list[Finding]:
    """Learn a schema from a data set and verify another one."""
    schema = learn_schema(table(folder / "old.csv", old), declared).schema
    assert schema is not None and schema.reference is not None
    if not with_ranks:
        schema = replace(schema, reference=replace(schema.reference, ranks=None))
    return list(verify(table(folder / "new.csv", new), schema).report.findings)


def names(found: list[Finding]) -> list[tuple[str, str | None]]:
    """Check and column of each finding."""
    return [(each.check, each.column) for each in found]


def pair(seed: int, sign: float = 1.0) -> Columns:
    """Draw two columns that depend on each other."""
    random = np.random.default_rng([SEED, seed])
    x = random.normal(size=ROWS)
    return {"x": x, "y": sign * x + random.normal(size=ROWS)}


def test_a_single_column_of_numbers_is_compared_by_its_bins(tmp_path: Path) -> None:
    """It has no moments."""
    old, new = ({"x": pair(seed)["x"], "town": ["a", "b"] * (ROWS // 2)} for seed in (1, 2))
    assert compare(tmp_path, old, new) == []
    shifted = new | {"x": np.asarray(new["x"]) + 0.7}
    assert ("shape-shift", "x") in names(compare(tmp_path, old, shifted))


def test_the_size_is_in_the_unit_of_the_column(tmp_path: Path) -> None:
    """With what to do."""
    declared = Schema((Column("x", "number", unit="kg"), Column("y", "number", role="target")))
    new = pair(2)
    (found,) = compare(tmp_path, pair(1), new | {"x": np.asarray(new["x"]) + 0.6}, declared)
    assert found.message.startswith("column 'x' has a mean of 0.") and " kg higher than in the reference (0." in (
        found.message)
    assert found.message.endswith(": find out why, and learn the schema again if it is right")


def test_an_older_schema_without_ranks_compares_no_relations(tmp_path: Path) -> None:
    """All else is compared."""
    (found,) = compare(tmp_path, pair(1), pair(2, -1.0))
    assert (found.check, found.column) == ("sign", "x") and "column 'x' (or 'y') has the opposite sign" in found.message
    assert compare(tmp_path, pair(1), pair(2, -1.0), with_ranks=False) == []
    shifted = pair(2)
    shifted["y"] = np.asarray(shifted["y"]) + 2.0
    assert ("mean-shift", "y") in names(compare(tmp_path, pair(1), shifted, with_ranks=False))


def test_an_empty_column_leaves_the_others_to_be_compared(tmp_path: Path) -> None:
    """No row is complete then; in the reference or in the data."""
    empty = pair(2) | {"x": [""] * ROWS}
    assert names(compare(tmp_path, pair(1), empty)) == [("missing-shift", "x")]
    far = empty | {"y": np.asarray(pair(2)["y"]) + 2.0}
    assert ("shape-shift", "y") in names(compare(tmp_path, pair(1), far))
    declared = Schema((Column("x", "number"), Column("y", "number")))
    assert names(compare(tmp_path, empty, pair(1), declared)) == [("missing-shift", "x")]


def test_a_constant_of_the_reference_may_not_become_another_one(tmp_path: Path) -> None:
    """Nor may it vary."""
    constant = pair(1) | {"c": [5] * ROWS}
    assert compare(tmp_path, constant, pair(2) | {"c": [5] * ROWS}) == []
    for values in ([7] * ROWS, [5, 7] * (ROWS // 2)):
        found = names(compare(tmp_path, constant, pair(2) | {"c": values}))
        assert ("mean-shift", "c") in found and {column for _, column in found} == {"c"}


def test_a_missing_column_is_one_finding(tmp_path: Path) -> None:
    """Not also one of missing values, or of relations."""
    three = pair(1) | {"z": pair(3)["x"]}
    assert names(compare(tmp_path, three, pair(2))) == [("missing-column", "z")]


def test_keys_and_times_are_new_in_every_data_set(tmp_path: Path) -> None:
    """Their values are not compared, but their missing values are."""
    old, new = ({"id": range(start, start + ROWS), "day": [f"{year}-01-{1 + row // 30:02d}" for row in range(ROWS)],
                 **pair(seed)} for start, year, seed in ((0, 2025, 1), (10_000, 2026, 2)))
    assert compare(tmp_path, old, new) == []
    new["day"] = [""] * 100 + list(new["day"])[100:]
    assert names(compare(tmp_path, old, new)) == [("missing-shift", "day")]


def test_too_many_categories_are_no_categories_any_more(tmp_path: Path) -> None:
    """Unless the reference has many rare ones, of which others come up."""
    few, many = ["a", "b", "c"] * (ROWS // 3), [f"t{row % 150}" for row in range(ROWS)]
    found = compare(tmp_path, pair(1) | {"t": few}, pair(2) | {"t": many})
    assert names(found) == [("new-category", "t")] and "more than 100 different values" in found[0].message
    random = np.random.default_rng(SEED)
    rare = [[f"t{min(int(each), 10 ** 6)}" for each in random.pareto(1.3, ROWS) * 8] for _ in range(2)]
    assert compare(tmp_path, pair(1) | {"t": rare[0]}, pair(2) | {"t": rare[1]}) == []


def test_rare_categories_count_together(tmp_path: Path) -> None:
    """Others that take their place are no new mixture; one that becomes frequent is a new value."""
    old = ["a"] * 300 + ["b"] * 280 + [f"r{row}" for row in range(20)]
    new = ["a"] * 300 + ["b"] * 280 + [f"s{row}" for row in range(20)]
    assert compare(tmp_path, pair(1) | {"t": old}, pair(2) | {"t": new}) == []
    found = compare(tmp_path, pair(1) | {"t": old}, pair(2) | {"t": ["s"] * 50 + list(new)[50:]})
    assert ("new-category", "t") in names(found)


def test_two_swapped_columns_of_one_distribution_show_in_their_relations(tmp_path: Path) -> None:
    """Their means and spreads are equal."""
    def three(seed: int) -> Columns:
        random = np.random.default_rng([SEED, seed])
        a, b = random.normal(size=(2, ROWS))
        return {"a": a, "b": b, "y": a + 0.2 * b + 0.5 * random.normal(size=ROWS)}

    new = three(2)
    assert compare(tmp_path, three(1), new) == []
    (found,) = compare(tmp_path, three(1), new | {"a": new["b"], "b": new["a"]})
    assert (found.check, found.column) == ("swapped-columns", None) and "'a' and 'b'" in found.message
