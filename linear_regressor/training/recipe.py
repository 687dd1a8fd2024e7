"""``Recipe``: everything that decides which model training makes of a data set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The settings of one training.

    Parameters
    ----------
    features : tuple of str
        Names of the features, in order.
    iterations : int
        At least 1; see ``SimpleLinearRegression``.
    lr : float or "auto"
        Learning rate, greater than 0 and below the limit that the data set.
    batch_size : int or None
        Rows a step, at least 1; None uses all rows at each step.
    random_state : int
        Seed of the start weights and of the order of the rows, 0 to 2**32 - 1.
    min_r2 : float
        The least R2 on the test rows at which a model may be saved.
    test_rows : int
        How many rows at the end of the data are kept for the test, at least 2; of a stream none are.
    standardize : bool
        Whether to descend in coordinates in which every feature has mean 0 and standard deviation 1.
    test_fraction : float or None
        The share of a stream's rows that is kept for the test, by their hash: between 0 and 1.
    key : str or None
        Name of the column whose hash decides that; None takes the row's values.
    where : str or None
        Which rows of a stream are taken; None takes all.
    """

    features: tuple[str, ...] = ("bmi",)
    iterations: int = 15000
    lr: float | str = 0.1
    batch_size: int | None = None
    random_state: int = 0
    min_r2: float = 0.40
    test_rows: int = 20
    standardize: bool = False
    test_fraction: float | None = None
    key: str | None = None
    where: str | None = None
