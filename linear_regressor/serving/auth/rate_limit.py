"""``Rate``: how many requests one caller has left."""

from __future__ import annotations

import math
import time
from functools import cached_property, lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from linear_regressor.serving.auth.principal import Denied
from linear_regressor.serving.middleware.errors import ErrorResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class RateLimit:
    """Counts the requests of each caller in windows of fixed length, in the memory of this worker."""

    def __init__(self, rate: str) -> None:
        self._rate = parse(rate)

    @cached_property
    def _counts(self) -> FixedWindowRateLimiter:
        """Make the counters: only when a worker is asked, for they start a thread, which no fork survives."""
        return FixedWindowRateLimiter(MemoryStorage())

    def take(self, caller: str) -> None:
        """Count one request."""
        if not self._counts.hit(self._rate, caller):
            left = self._counts.get_window_stats(self._rate, caller).reset_time - time.time()
            wait = str(max(1, math.ceil(left)))
            raise Denied("rate", ErrorResponse(429, f"no more than {self._rate.amount} requests in "
                                              f"{self._rate.get_expiry()} s are answered", (("Retry-After", wait),)))


_REMEMBERED_ADDRESSES = 4096


def client_address(environ: WSGIEnvironment, proxies: int) -> str:
    """Tell the address of the caller, as far as it can be trusted.

    Each proxy appends the address it was called from to ``X-Forwarded-For``; what stands further left than the proxies
    that are ours, anybody may have written.
    """
    peer: str = environ.get("REMOTE_ADDR", "")
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if proxies else []
    told = _network(hops[-proxies].strip()) if len(hops) >= proxies > 0 else None
    return told or _network(peer) or peer


@lru_cache(_REMEMBERED_ADDRESSES)
def _network(address: str) -> str | None:
    """Give the address, or the network, that counts as one caller; None where it is no address."""
    try:
        known = ip_address(address)
    except ValueError:
        return None
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or IPv6Network((known.packed, 64), strict=False))
    return str(known)
