"""NIST's reference data sets: correct digits of the least-squares weights from moments, for any order of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from linear_regressor import Moments
from tests.oracles import log_relative_error, reference_set

DIGITS = {"norris": 11.5, "pontius": 10.5, "longley": 10.5, "wampler1": 5.5, "wampler2": 5.5, "wampler3": 5.5,
          "wampler4": 5.5, "wampler5": 5.5}
ORDERS = 200


@pytest.mark.parametrize(("name", "digits"), DIGITS.items())
def test_solve_agrees_with_nists_certified_values_in_every_order_of_rows(
        name: str, digits: float, random: np.random.Generator) -> None:
    """The least accurate weight has at least this many correct digits over 200 orders of the rows."""
    X, y, certified = reference_set(name)
    worst = np.inf
    for _ in range(ORDERS):
        order = random.permutation(len(y))
        worst = min(worst, log_relative_error(np.append(*Moments.from_arrays(X[order], y[order]).solve()), certified))
    print(f"{name}: log relative error at least {worst:.2f}")
    assert worst >= digits
