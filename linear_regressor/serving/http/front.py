"""``Front``: the outermost part of the application, which every request passes, perfect or not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from linear_regressor.serving.http.call import Call
from linear_regressor.serving.http.problems import Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

# A guard may refuse a request before anything looks at it; a watcher is told of every one that was answered.
Guard = Callable[[Call], Refusal | None]
Watcher = Callable[[Call], None]


class Front:
    """A WSGI application around another one: names each call, asks the guards, tells the watchers.

    Parameters
    ----------
    application : WSGI application
        Answers what the guards let pass.
    guards : sequence of callable
        Asked in order; the first refusal is the answer.
    watchers : sequence of callable
        Told in order, after the answer was made.
    route_of : callable
        Finds the template of a refused call's route, which no routing has looked at.
    """

    def __init__(self, application: WSGIApplication, guards: Sequence[Guard] = (),
                 watchers: Sequence[Watcher] = (), route_of: Callable[[Call], str] = lambda call: call.route) -> None:
        self.application = application
        self.guards, self.watchers, self.route_of = tuple(guards), tuple(watchers), route_of

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        call = Call(environ)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            call.status = int(status[:3])
            return start_response(status, headers + call.headers, *error)

        try:
            return self._answer(call, start)
        finally:
            for watcher in self.watchers:
                watcher(call)

    def _answer(self, call: Call, start: Any) -> Iterable[bytes]:
        """Let the first guard that minds refuse the call, or have it answered."""
        for guard in self.guards:
            refusal = guard(call)
            if refusal is not None:
                call.route = self.route_of(call)
                return refusal.answer(call, start)
        return self.application(call.environ, start)
