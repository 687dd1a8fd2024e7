"""The trace that a request belongs to: read from its headers, told in log lines and in the answer."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_TRACE, _SPAN = "(?!0{32})([0-9a-f]{32})", "(?!0{16})([0-9a-f]{16})"
# Version 00 ends after the flags; later ones may add to it, and ff is none.
_TRACEPARENT = re.compile(f"(?!ff)[0-9a-f]{{2}}-{_TRACE}-{_SPAN}-([0-9a-f]{{2}})(-.*)?")
_CLOUD = re.compile("(?!0{32})([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]{1,3}))?")


class TraceContext(NamedTuple):
    """A place in a trace.

    Parameters
    ----------
    trace_id : str
        32 hexadecimal digits, not all zero.
    span_id : str
        16 hexadecimal digits; all zero where the place is not known.
    sampled : bool
        Whether whoever began the trace keeps it.
    """

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        """The same as a header."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def caller_of(environ: WSGIEnvironment) -> TraceContext | None:
    """Read where in which trace a request was sent: ``traceparent``, else ``X-Cloud-Trace-Context``.

    Parameters
    ----------
    environ : WSGI environment
        The request.

    Returns
    -------
    TraceContext or None
        None where neither header is there and right.

    Examples
    --------
    >>> caller_of({"HTTP_TRACEPARENT": f"00-{'a' * 32}-{'b' * 16}-01"}).sampled
    True
    >>> caller_of({"HTTP_X_CLOUD_TRACE_CONTEXT": f"{'a' * 32}/1;o=0"}).span_id
    '0000000000000001'
    >>> caller_of({"HTTP_TRACEPARENT": f"00-{'0' * 32}-{'b' * 16}-01"}) is None
    True

    References
    ----------
    W3C, "Trace Context", section 3.2; Google Cloud documentation, "Trace context", legacy header.
    """
    given = environ.get("HTTP_TRACEPARENT")
    if given is not None and (found := _TRACEPARENT.fullmatch(given)) and (given[:2] != "00" or found[4] is None):
        return TraceContext(found[1], found[2], int(found[3], 16) % 2 == 1)
    cloud = environ.get("HTTP_X_CLOUD_TRACE_CONTEXT")
    if cloud is not None and (found := _CLOUD.fullmatch(cloud)):
        span = int(found[2] or 0)
        return TraceContext(found[1].lower(), f"{span if span < 1 << 64 else 0:016x}", int(found[3] or 0) % 2 == 1)
    return None


def continued(caller: TraceContext | None) -> TraceContext:
    """Draw the place of a request in its caller's trace, or in a new one, which nobody keeps.

    Parameters
    ----------
    caller : TraceContext or None
        Where it was sent.

    Returns
    -------
    TraceContext

    Examples
    --------
    >>> continued(TraceContext("1" * 32, "2" * 16, True)).trace_id == "1" * 32, len(continued(None).traceparent)
    (True, 55)
    """
    if caller is None:
        drawn = os.urandom(24).hex()
        return TraceContext(drawn[:32], drawn[32:], False)
    return TraceContext(caller.trace_id, os.urandom(8).hex(), caller.sampled)
