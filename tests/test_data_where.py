"""Filters in one line of text."""

from __future__ import annotations

import operator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.data.where import Where
from linear_regressor.errors import SettingError

TABLE = pa.table({"age": [20, 30, 40, None], "sex": ["f", "m", "f", None], "bmi": [1.5, -2.0, 0.0, 9.0],
                  "place": [0, 1, 2, 3]})


def taken(text: str) -> list[int]:
    """Places of the rows that a filter takes."""
    places: list[int] = TABLE.filter(Where.of(text).expression)["place"].to_pylist()
    return places


@pytest.mark.parametrize(("text", "places"), [
    ("age > 20", [1, 2]),
    ("20 < age", [1, 2]),
    ("20 < age < 40", [1]),
    ("age >= 20 and age <= 30", [0, 1]),
    ("age == 20 or bmi == 9", [0, 3]),
    ("not age == 20", [1, 2]),
    ("age != 20", [1, 2]),
    ("sex == 'f' and not bmi > 0", [2]),
    ('sex == "f" and (bmi > 1 or bmi < -1)', [0]),
    ("age in (20, 40)", [0, 2]),
    ("sex not in ['m']", [0, 2]),
    ("bmi < -1.5e0", [1]),
    ("  bmi == -2", [1]),
], ids=str)
def test_it_takes_the_rows_that_python_would(text: str, places: list[int]) -> None:
    """A comparison with a missing value is never true."""
    assert places == taken(text)


@pytest.mark.parametrize("text", [
    "", "age", "age >", "age > sex", "1 < 2", "age + 1 > 2", "age > 1; age", "f(age) > 1", "age.real > 1",
    "age is None", "age in ()", "age > True", "age > None", "age == 1 and age == 'a'", "__import__('os')",
    "age > 1 if sex else 2", "(" * 5000, "age > b'x'",
], ids=lambda text: text[:20])
def test_what_is_no_simple_filter_is_misuse(text: str) -> None:
    """One line says what a filter may be; nothing of it is run."""
    with pytest.raises(SettingError, match="must be comparisons of a column with a number or a text"):
        Where.of(text)


@given(st.recursive(
    st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(-3, 3)),
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner), max_leaves=6),
    st.lists(st.integers(-4, 4), min_size=1, max_size=8))
def test_any_filter_means_what_python_means_by_it(tree: Any, values: list[int]) -> None:
    """Of rows without missing values."""
    compare = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
               ">=": operator.ge}

    def text_of(node: Any) -> str:
        if len(node) == 2:
            return f"x {node[0]} {node[1]}"
        return f"({text_of(node[1])}) {node[0]} ({text_of(node[2])})"

    def true_of(node: Any, value: int) -> bool:
        if len(node) == 2:
            return bool(compare[node[0]](value, node[1]))
        sides = (true_of(part, value) for part in node[1:])
        return all(sides) if node[0] == "and" else any(sides)

    found = pa.table({"x": values}).filter(Where.of(text_of(tree)).expression)["x"].to_pylist()

    assert [value for value in values if true_of(tree, value)] == found
