"""``Readiness``: whether further requests may come."""

from __future__ import annotations


class Readiness:
    """Ready until the process is told to stop.

    Attributes
    ----------
    draining : bool
        Whether it was told to stop.
    """

    def __init__(self) -> None:
        self.draining = False
