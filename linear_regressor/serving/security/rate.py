"""``Rate``: how many requests one caller has left."""

from __future__ import annotations

import math
import time
from functools import cached_property

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from linear_regressor.serving.http.problems import Refusal
from linear_regressor.serving.security.principal import Denied


class Rate:
    """Counts the requests of each caller in windows of fixed length, in the memory of this worker.

    Parameters
    ----------
    rate : str
        Such as ``600/minute``.
    """

    def __init__(self, rate: str) -> None:
        self._rate = parse(rate)

    @cached_property
    def _counts(self) -> FixedWindowRateLimiter:
        """Make the counters: only when a worker is asked, for they start a thread, which no fork survives."""
        return FixedWindowRateLimiter(MemoryStorage())

    def take(self, caller: str) -> None:
        """Count one request.

        Parameters
        ----------
        caller : str
            Who sent it.

        Raises
        ------
        Denied
            If it was one too many; the caller is told when to come again.
        """
        if not self._counts.hit(self._rate, caller):
            left = self._counts.get_window_stats(self._rate, caller).reset_time - time.time()
            wait = str(max(1, math.ceil(left)))
            raise Denied("rate", Refusal(429, f"no more than {self._rate.amount} requests in "
                                              f"{self._rate.get_expiry()} s are answered", (("Retry-After", wait),)))
