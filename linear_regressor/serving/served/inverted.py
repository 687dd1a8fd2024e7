"""Which x gives y, as it is answered."""

from __future__ import annotations

import math
from typing import Any

from linear_regressor.errors import StatisticsError
from linear_regressor.model.inverse_prediction import InversePrediction, invert
from linear_regressor.serving.payload.faults import Fault, InvalidPayload
from linear_regressor.serving.payload.target import Target
from linear_regressor.serving.served.served_model import ServedModel


def inverted(served: ServedModel, target: Target) -> dict[str, Any]:
    """Find the values of the one feature at which a target could have been observed.

    Parameters
    ----------
    served : ServedModel
        The model.
    target : Target
        The value of the target, and the level.

    Returns
    -------
    dict
        ``feature``, ``estimate``, ``level`` and ``set``, whose ``kind`` tells its other members: of an ``interval``
        ``lower`` and ``upper``; of ``two_rays`` ``below`` and ``above``, the ends of the gap between them; of
        ``all_reals`` none.

    Raises
    ------
    InvalidPayload
        If there are several features, the statistics cannot be had, or y is too large.
    """
    if served.signature.width != 1:
        raise InvalidPayload([Fault("#", "several_features", "can be answered by a model of one feature alone")])
    try:
        found = invert(served.statistics, target.y, served.quantiles[target.level][0])
    except StatisticsError as error:
        raise InvalidPayload([Fault("#", "statistics_unavailable", str(error))]) from None
    except OverflowError:
        raise InvalidPayload([_too_large()]) from None
    if not math.isfinite(found.estimate) or found.kind != "all_reals" and not math.isfinite(found.upper - found.lower):
        raise InvalidPayload([_too_large()])
    return {"feature": served.signature.features[0], "estimate": found.estimate, "level": target.level,
            "set": _set(found)}


def _too_large() -> Fault:
    """Name a target that float64 cannot calculate with."""
    return Fault("#/y", "estimate_not_finite", "is too large for its x to be told in float64")


def _set(found: InversePrediction) -> dict[str, Any]:
    """Describe the set; JSON has no infinities."""
    ends = {"interval": {"lower": found.lower, "upper": found.upper},
            "two_rays": {"below": found.lower, "above": found.upper}, "all_reals": {}}[found.kind]
    return {"kind": found.kind, **ends}
