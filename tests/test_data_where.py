"""Row filters."""

from __future__ import annotations

import operator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.data.row_filter import RowFilter
from linear_regressor.errors import SettingError

TABLE = pa.table({"age": [20, 30, 40, None], "sex": ["f", "m", "f", None], "bmi": [1.5, -2.0, 0.0, 9.0],
                  "place": [0, 1, 2, 3]})


def selected(text: str) -> list[int]:
    """Return the places of the rows that a filter takes."""
    places: list[int] = TABLE.filter(RowFilter.of(text).expression)["place"].to_pylist()
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
    ("sex in ('f')", [0, 2]),
    ("age not in 20", [1, 2]),
    ("bmi < -1.5e0", [1]),
    ("  bmi == -2", [1]),
], ids=str)
def test_a_filter_selects_the_rows_that_python_would(text: str, places: list[int]) -> None:
    """A comparison with a missing value is never true."""
    assert places == selected(text)


@pytest.mark.parametrize("text", [
    "", "age", "age >", "age > sex", "1 < 2", "age + 1 > 2", "age > 1; age", "f(age) > 1", "age.real > 1",
    "age is None", "age in ()", "age > True", "age > None", "age == 1 and age == 'a'", "__import__('os')",
    "age > 1 if sex else 2", "(" * 5000, "age > b'x'",
], ids=lambda text: text[:20])
def test_anything_but_a_simple_filter_is_rejected(text: str) -> None:
    """The message describes valid filters; no code is run."""
    with pytest.raises(SettingError, match="must be comparisons of a column with a number or a string"):
        RowFilter.of(text)


@pytest.mark.parametrize(("text", "places"), [
    ("x in ({})", [3.0, 19_999.0]), ("not x not in [{}]", [3.0, 19_999.0]), ("x not in ({})", [20_000.0]),
])
def test_a_list_may_be_long(text: str, places: list[float]) -> None:
    """Regression test: twenty thousand values crashed the process."""
    table = pa.table({"x": [3.0, 19_999.0, 20_000.0, None]})
    where = RowFilter.of(text.format(", ".join(map(str, range(20_000)))))

    assert places == table.filter(where.expression)["x"].to_pylist()


@pytest.mark.parametrize("join", [" or ", " and "])
def test_the_number_of_comparisons_is_limited(join: str) -> None:
    """A thousand are evaluated; more would crash PyArrow, and the message says what to write instead."""
    table = pa.table({"x": [3.0, -1.0]})
    many = [f"x {'==' if join == ' or ' else '!='} {value}" for value in range(1001)]

    expected = [3.0] if join == " or " else [-1.0]

    assert expected == table.filter(RowFilter.of(join.join(many[:-1])).expression)["x"].to_pylist()
    with pytest.raises(SettingError, match=r"has 1001 comparisons; at most 1000 are allowed, and `column in"):
        RowFilter.of(join.join(many))


@pytest.mark.parametrize(("text", "places"), [
    ("x == 5", [0]), ("x != 5", [1]), ("not x == 5", [1]), ("x <= 5", [0, 1]), ("not x <= 1", [0]),
    ("x in (5, 7.5)", [0]), ("x not in (5, 7.5)", [1]), ("not x in (5, 1e300)", [1]), ("not (x == 5 and x < 9)", [1]),
    ("s != 'f'", [1]), ("not s == 'f'", [1]), ("s not in ('f', 'g')", [1]), ("s <= 'f'", [0]), ("s != ''", [0, 1]),
    ("not (s == 'f' or x == 1)", []), ("not 0 < x < 3", [0]),
], ids=str)
def test_nan_and_empty_strings_are_missing(text: str, places: list[int]) -> None:
    """No comparison with them is true, also under `not`."""
    table = pa.table({"x": [5.0, 1.0, float("nan"), None], "s": ["f", "m", "", None], "place": range(4)})

    assert places == table.filter(RowFilter.of(text).expression)["place"].to_pylist()


@pytest.mark.parametrize("value", [2**63, -2**63 - 1, 10**400])
@pytest.mark.parametrize("form", ["x > {}", "x in (1, {})"])
def test_an_integer_of_more_than_64_bits_is_rejected(form: str, value: int) -> None:
    """The message names it."""
    with pytest.raises(SettingError, match=f"the integer {value} in the filter must be from"):
        RowFilter.of(form.format(value))


@given(st.recursive(
    st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(-3, 3)),
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner), max_leaves=6),
    st.lists(st.integers(-4, 4), min_size=1, max_size=8))
def test_any_filter_has_the_meaning_of_python(tree: Any, values: list[int]) -> None:
    """For rows without missing values."""
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

    found = pa.table({"x": values}).filter(RowFilter.of(text_of(tree)).expression)["x"].to_pylist()

    assert [value for value in values if true_of(tree, value)] == found
