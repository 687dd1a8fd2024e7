"""NIST's reference sets: how many digits the least-squares line from moments has, whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from linear_regressor import Moments
from tests.oracles import log_relative_error, reference_set

DIGITS = {"norris": 11.5, "pontius": 10.5, "longley": 10.5, "wampler1": 5.5, "wampler2": 5.5, "wampler3": 5.5,
          "wampler4": 5.5, "wampler5": 5.5}
ORDERS = 200


@pytest.mark.parametrize(("name", "digits"), DIGITS.items())
def test_solve_has_the_digits_that_nist_certifies_in_every_order_of_rows(
        name: str, digits: float, random: np.random.Generator) -> None:
    """The log relative error of the worst weight stays above the bound over 200 orders of the rows."""
    X, y, certified = reference_set(name)
    worst = np.inf
    for _ in range(ORDERS):
        order = random.permutation(len(y))
        worst = min(worst, log_relative_error(np.append(*Moments.from_arrays(X[order], y[order]).solve()), certified))
    print(f"{name}: log relative error at least {worst:.2f}")
    assert worst >= digits
