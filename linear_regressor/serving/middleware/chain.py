"""``MiddlewareChain``: the WSGI application around all others, with the hooks that see every request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from linear_regressor.serving.middleware.errors import ErrorFormats, ErrorResponse
from linear_regressor.serving.middleware.request_context import RequestContext

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# May reject a request before the application sees it.
BeforeRequest = Callable[[RequestContext], ErrorResponse | None]
# Sees every request that was answered, rejected ones included.
AfterRequest = Callable[[RequestContext], None]


class MiddlewareChain:
    """Runs the hooks around an application; ``route_of`` finds the route of a request that a hook rejects."""

    def __init__(self, application: WSGIApplication, before_request: Sequence[BeforeRequest],
                 after_request: Sequence[AfterRequest], route_of: Callable[[RequestContext], str],
                 formats: ErrorFormats) -> None:
        self.application, self.route_of, self.formats = application, route_of, formats
        self.before_request, self.after_request = tuple(before_request), tuple(after_request)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        context = RequestContext(environ)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            context.status = int(status[:3])
            return start_response(status, headers + context.headers, *error)

        try:
            for hook in self.before_request:
                error_response = hook(context)
                if error_response is not None:
                    context.route = self.route_of(context)
                    return error_response.answer(context, start, self.formats)
            return self.application(environ, start)
        finally:
            for after in self.after_request:
                after(context)
