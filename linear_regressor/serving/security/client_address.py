"""Where a request comes from."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_REMEMBERED = 4096


def client_address(environ: WSGIEnvironment, proxies: int) -> str:
    """Tell the address of the caller, as far as it can be trusted.

    Each proxy appends the address it was called from to ``X-Forwarded-For``; what stands further left than the proxies
    that are ours, anybody may have written.

    Parameters
    ----------
    environ : WSGI environment
        The request.
    proxies : int
        How many proxies of ours it came through.

    Returns
    -------
    str
        An address, of IPv6 its network of 64 bits, within which a caller can choose; empty where there is none.

    Examples
    --------
    >>> request = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1, 203.0.113.7"}
    >>> client_address(request, 0), client_address(request, 1), client_address(request, 3)
    ('10.0.0.1', '203.0.113.7', '10.0.0.1')
    """
    peer: str = environ.get("REMOTE_ADDR", "")
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if proxies else []
    told = _network(hops[-proxies].strip()) if len(hops) >= proxies > 0 else None
    return told or _network(peer) or peer


@lru_cache(_REMEMBERED)
def _network(address: str) -> str | None:
    """Give the address, or the network, that counts as one caller; None where it is no address."""
    try:
        known = ip_address(address)
    except ValueError:
        return None
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or IPv6Network((known.packed, 64), strict=False))
    return str(known)
