"""A body that is one JSON object, found right before anybody takes a member out of it."""

from __future__ import annotations

from typing import Any

from linear_regressor.serving.payload.faults import Fault, InvalidPayload, refuse
from linear_regressor.serving.payload.parse import Members, parse
from linear_regressor.serving.payload.validate import Shape


def read_document(body: bytes, shape: Shape, wanted: str) -> dict[str, Any]:
    """Read a JSON object that has a shape.

    Parameters
    ----------
    body : bytes
        The body of a request.
    shape : Shape
        What the object must be like.
    wanted : str
        What it must have, for the message about what is no object at all.

    Returns
    -------
    dict
        Its members.

    Raises
    ------
    InvalidPayload
        Naming up to 20 faults.

    Examples
    --------
    >>> from linear_regressor.serving.payload.validate import NUMBER, object_shape
    >>> read_document(b'{"y": 1}', object_shape({"y": NUMBER}, required=("y",)), 'the member "y"')
    {'y': 1}
    """
    document = parse(body)
    if not isinstance(document, Members):
        raise InvalidPayload([Fault("#", "not_an_object", f"must be an object with {wanted}")], False)
    refuse(shape(document, "#"))
    return dict(document)
