"""The table of quantiles in a model file."""

import numpy as np
import pytest

from linear_regressor.training.config import quantile_table


def test_quantiles_are_those_of_printed_tables() -> None:
    """Student's t with 10 degrees of freedom and F(2, 11), as statistics books print them."""
    table = quantile_table(n=13, p=2)

    assert [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999] == table["levels"]
    np.testing.assert_allclose(table["t"], [0.700, 1.372, 1.812, 2.228, 2.764, 3.169, 3.581, 4.587], atol=5e-4)
    np.testing.assert_allclose([table["f"][2], table["f"][3], table["f"][5]], [2.86, 3.98, 7.21], atol=5e-3)


@pytest.mark.parametrize("n", [3.5, 40, 422, 1e9])
def test_the_square_of_t_is_f_with_one_feature(n: float) -> None:
    """F(1, k) is the square of Student's t with k degrees of freedom, for whole and weighted counts of rows."""
    np.testing.assert_allclose(np.square(quantile_table(n + 1, 1)["t"]), quantile_table(n, 1)["f"], rtol=1e-9)


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_rows_have_no_quantiles(n: int) -> None:
    """There are no degrees of freedom."""
    assert {"levels": [], "t": [], "f": []} == quantile_table(n, p=1)
