"""``RateLimit``: how many requests one client may send; and which address counts as one client."""

from __future__ import annotations

import math
import time
from functools import cached_property, lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from linear_regressor.serving.auth.principal import Denied
from linear_regressor.serving.middleware.errors import ErrorResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from limits.strategies import FixedWindowRateLimiter

_CACHED_ADDRESSES = 4096


class RateLimit:
    """Counts the requests of each client in fixed windows, in the memory of this worker."""

    def __init__(self, rate: str) -> None:
        from limits import parse  # here, because the package would double the time until the first response

        self._rate = parse(rate)

    @cached_property
    def _limiter(self) -> FixedWindowRateLimiter:
        """Created in the worker, because it starts a thread, which does not survive a fork."""
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        return FixedWindowRateLimiter(MemoryStorage())

    def count(self, client: str) -> None:
        """Count one request; raise Denied if it is one too many."""
        if not self._limiter.hit(self._rate, client):
            seconds = self._limiter.get_window_stats(self._rate, client).reset_time - time.time()
            raise Denied("rate", ErrorResponse(
                429, f"at most {self._rate.amount} requests in {self._rate.get_expiry()} s are allowed",
                (("Retry-After", str(max(1, math.ceil(seconds)))),)))


def client_address(environ: WSGIEnvironment, proxies: int) -> str:
    """Return the address of the client, as far as it can be trusted.

    Each proxy appends the address of its peer to ``X-Forwarded-For``; anything further left than our own proxies may be
    forged.
    """
    peer: str = environ.get("REMOTE_ADDR", "")
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if proxies else []
    forwarded = _normalised(hops[-proxies].strip()) if len(hops) >= proxies > 0 else None
    return forwarded or _normalised(peer) or peer


@lru_cache(_CACHED_ADDRESSES)
def _normalised(address: str) -> str | None:
    """Return an IPv4 address or the /64 network of an IPv6 one; None for other text."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Network((parsed.packed, 64), strict=False))
    return str(parsed)
