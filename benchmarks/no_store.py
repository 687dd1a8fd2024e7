"""Our server with a store that keeps nothing: what the route ``/feedback`` costs without a database."""

from __future__ import annotations

from collections.abc import Sequence

from linear_regressor.cleaning.steps import Step
from linear_regressor.cli import main
from linear_regressor.monitoring.store.feedback import Feedback, Outcome
from linear_regressor.serving.contracts import feedback


class NoStore:
    """Accepts all rows at once."""

    def require_columns(self, features: tuple[str, ...], target: str, cleaning: Sequence[Step]) -> None:
        """Accept any columns and steps."""

    def add(self, feedback: Feedback) -> Outcome:
        """Accept any rows."""
        return "stored"

    def close(self) -> None:
        """Nothing is open."""


if __name__ == "__main__":
    vars(feedback)["open_store"] = lambda location: NoStore()
    main()
