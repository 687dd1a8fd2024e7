"""``TRUSTED_HOSTS``: the names this service answers to."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from werkzeug.sansio.utils import host_is_trusted

_REMEMBERED = 256


def trust(hosts: tuple[str, ...]) -> Callable[[str], bool]:
    """Make the question whether a ``Host`` header names this service.

    Parameters
    ----------
    hosts : tuple of str
        Names; one with a leading dot stands for its subdomains too. None for any.

    Returns
    -------
    callable

    Examples
    --------
    >>> trusted = trust((".example.com",))
    >>> trusted("a.example.com:443"), trusted("example.com.evil.net"), trusted("")
    (True, False, False)
    """
    @lru_cache(_REMEMBERED)  # callers repeat themselves, and the comparison takes ten times the look-up
    def trusted(host: str) -> bool:
        return not hosts or host_is_trusted(host.lower(), hosts)

    return trusted
