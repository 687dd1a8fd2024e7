"""The body of a question for the x that gives a y."""

from __future__ import annotations

from typing import NamedTuple

from linear_regressor.serving.payload.document import read_document
from linear_regressor.serving.payload.faults import refuse
from linear_regressor.serving.payload.room import one_large_body_at_a_time
from linear_regressor.serving.payload.validate import NUMBER, Shape, object_shape
from linear_regressor.serving.payload.wanted import DEFAULT_INTERVAL_LEVEL, level_shape


class Target(NamedTuple):
    """The value that is wanted of the target.

    Parameters
    ----------
    y : float
        Finite, in the unit of the target.
    level : float
        Level of the set of x, one of the model's table.
    """

    y: float
    level: float


def target_shape(levels: tuple[float, ...]) -> Shape:
    """Make the shape of ``{"y": 200, "interval": 0.95}``.

    Parameters
    ----------
    levels : tuple of float
        Levels of the model's table.

    Returns
    -------
    Shape

    Examples
    --------
    >>> target_shape((0.95,)).schema["required"]
    ['y']
    """
    return object_shape({"y": NUMBER, "interval": level_shape(levels)}, required=("y",))


@one_large_body_at_a_time
def read_target(body: bytes, levels: tuple[float, ...]) -> Target:
    """Read a body of that shape; the level is 0.95 where none is given.

    Parameters
    ----------
    body : bytes
        The body of a request.
    levels : tuple of float
        Levels of the model's table.

    Returns
    -------
    Target

    Raises
    ------
    InvalidPayload
        Naming up to 20 faults.

    Examples
    --------
    >>> read_target(b'{"y": 200}', (0.9, 0.95))
    Target(y=200.0, level=0.95)
    """
    given = read_document(body, target_shape(levels), 'the member "y"')
    level = given.get("interval", DEFAULT_INTERVAL_LEVEL)
    refuse(level_shape(levels)(level, "#/interval"))  # the default may be none of the model's, too
    return Target(float(given["y"]), level)
