"""Whether descent can converge at a learning rate, said before it starts."""

from __future__ import annotations

from linear_regressor.errors import RateError
from linear_regressor.model.curvature import Curvature
from linear_regressor.model.moments import Moments
from linear_regressor.model.scaling import in_descent


def require_converging_rate(lr: float | str, moments: Moments, standardize: bool = False) -> None:
    """Refuse a learning rate at which gradient descent on these rows cannot converge.

    Parameters
    ----------
    lr : float or "auto"
        The learning rate; ``"auto"`` is below the limit.
    moments : Moments
        Moments of the rows to train on.
    standardize : bool
        Whether the descent is in scaled coordinates, which have a limit of their own.

    Raises
    ------
    RateError
        If it is at or over ``2 / lambda_max``; the message names both and the safe rate.

    Examples
    --------
    >>> require_converging_rate("auto", Moments.from_arrays([[1.0], [5.0]], [1.0, 2.0]))
    >>> require_converging_rate(0.5, Moments.from_arrays([[1.0], [5.0]], [1.0, 2.0]))
    Traceback (most recent call last):
        ...
    linear_regressor.errors.RateError: a learning rate of 0.5 cannot converge on these data: it must be below ...
    """
    curvature = Curvature.of(in_descent(moments, standardize))
    if lr != "auto" and float(lr) >= curvature.rate_limit:
        raise RateError(f"a learning rate of {float(lr):g} cannot converge on these data: it must be below "
                        f"{curvature.rate_limit:.6g}; 'auto' uses {curvature.safe_rate:.6g}")
