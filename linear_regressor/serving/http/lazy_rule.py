"""``LazyRule``: a route that writes no code for URLs until one is built."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.routing import Rule


class LazyRule(Rule):
    """Matches as Werkzeug's rule does, and compiles what builds a URL of it only when one is asked for.

    Werkzeug compiles two functions for every route as it is registered. This service builds no URL of its own, and they
    were a twentieth of all the time until its first answer.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder

        def build(rule: Rule, **values: object) -> tuple[str, str]:
            return compile_now(append_unknown)(rule, **values)

        return build
