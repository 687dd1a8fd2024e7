"""``Decoder``: the one door from the body of a request to an array."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.payload import careful, exact
from linear_regressor.serving.payload.exact import ExactForm
from linear_regressor.serving.payload.wanted import NOTHING, Wanted

Array = NDArray[np.float64]


class Decoder:
    """Reads bodies for a model of p features.

    A body of exactly the right form is read at once into a buffer where the fast parser is installed; every other one
    takes the careful way, which accepts it or names what is wrong. Both accept the same bodies and read the same
    numbers.

    Parameters
    ----------
    width : int
        Number of features p, at least 1.
    max_rows : int
        Most rows of one request.
    levels : collection of float
        Levels that parameters may name.
    fast : bool
        Whether to use the fast parser; by default where it is installed.

    Examples
    --------
    >>> rows, wanted = Decoder(1, max_rows=10).instances(b'{"instances": [[0.5], [-1]]}')
    >>> rows.tolist()
    [[0.5], [-1.0]]
    >>> Decoder(1, max_rows=10).instance(b'{"instance": "0.5"}')
    Traceback (most recent call last):
    linear_regressor.serving.payload.faults.InvalidPayload: #/instance must be a number
    """

    def __init__(self, width: int, max_rows: int, levels: Collection[float] = (),
                 fast: bool = exact.AVAILABLE) -> None:
        row = b"[" + b"," * (width - 1) + b"]"
        self.width, self.max_rows, self.levels, self.fast = width, max_rows, levels, fast
        self._rows = ExactForm("instances", row)
        self._one = ExactForm("instance", row if width > 1 else b"")

    def exact_instances(self, body: bytes) -> Array | None:
        """Read the rows of a batch if the body has exactly the right form and the fast parser is there.

        Parameters
        ----------
        body : bytes
            The body of a request.

        Returns
        -------
        ndarray of shape (rows, p), float64, or None
        """
        return self._rows.read_rows(body, self.width, self.max_rows) if self.fast else None

    def exact_instance(self, body: bytes) -> Array | None:
        """Read one row if the body has exactly the right form and the fast parser is there.

        Parameters
        ----------
        body : bytes
            The body of a request.

        Returns
        -------
        ndarray of shape (1, p), float64, or None
        """
        return self._one.read_one(body, self.width) if self.fast else None

    def instances(self, body: bytes) -> tuple[Array, Wanted]:
        """Read the rows of a batch.

        Parameters
        ----------
        body : bytes
            ``{"instances": [[x_1, ..., x_p], ...], "parameters": {...}}``.

        Returns
        -------
        rows : ndarray of shape (rows, p), float64
        wanted : Wanted

        Raises
        ------
        InvalidPayload
            Naming up to 20 faults.
        """
        rows = self.exact_instances(body)
        if rows is None:
            return careful.read_instances(body, self.width, self.max_rows, self.levels)
        return rows, NOTHING

    def instance(self, body: bytes) -> tuple[Array, Wanted]:
        """Read one row.

        Parameters
        ----------
        body : bytes
            ``{"instance": x}`` for one feature, ``{"instance": [x_1, ..., x_p]}`` for several; parameters may follow.

        Returns
        -------
        row : ndarray of shape (1, p), float64
        wanted : Wanted

        Raises
        ------
        InvalidPayload
            Naming up to 20 faults.
        """
        row = self.exact_instance(body)
        return careful.read_instance(body, self.width, self.levels) if row is None else (row, NOTHING)
