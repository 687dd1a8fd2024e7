"""``Front``: the outermost part of the application, which every request passes, perfect or not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from linear_regressor.serving.middleware.errors import ErrorFormats, ErrorResponse
from linear_regressor.serving.middleware.request_context import RequestContext

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

# A guard may refuse a request before anything looks at it; a watcher is told of every one that was answered.
BeforeRequest = Callable[[RequestContext], ErrorResponse | None]
AfterRequest = Callable[[RequestContext], None]


class MiddlewareChain:
    """A WSGI application around another one: names each call, asks the guards, tells the watchers."""

    def __init__(self, application: WSGIApplication, formats: ErrorFormats, guards: Sequence[BeforeRequest] = (),
                 watchers: Sequence[AfterRequest] = (), route_of: Callable[[RequestContext], str] = lambda context: context.route) -> None:
        self.application, self.formats = application, formats
        self.guards, self.watchers, self.route_of = tuple(guards), tuple(watchers), route_of

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        context = RequestContext(environ)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            context.status = int(status[:3])
            return start_response(status, headers + context.headers, *error)

        try:
            return self._answer(context, start)
        finally:
            for watcher in self.watchers:
                watcher(context)

    def _answer(self, context: RequestContext, start: Any) -> Iterable[bytes]:
        """Let the first guard that minds refuse the call, or have it answered."""
        for guard in self.guards:
            refusal = guard(context)
            if refusal is not None:
                context.route = self.route_of(context)
                return refusal.answer(context, start, self.formats)
        return self.application(context.environ, start)
