"""``Finding``: the result of one test, for a table, a metric or a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import exp, inf, isfinite, log
from typing import Any, Literal

Subject = Literal["line", "coverage", "means", "correlation", "shape", "caller"]
# Whether a test found a change that matters, found one that does not, found none, says nothing, or is no test.
State = Literal["alarm", "small", "none", "withheld", "size"]

TITLES: dict[Subject, str] = {
    "line": "line of {}", "coverage": "intervals of {}", "means": "mean of {}",
    "correlation": "{} given the other features", "shape": "distribution of {}", "caller": "caller {}"}

LARGEST_LOG = 709.0  # the exponential of more leaves the range of float64


@dataclass(frozen=True)
class Finding:
    """What changed, by how much, how certain that is, since when, and what to do."""

    subject: Subject
    # name of the feature, of the target, or of the caller
    name: str
    # size of the change; None if it cannot be told
    size: float | None
    unit: str
    # size from which on a change matters
    effect: float
    # logarithm of the e-value; None if only the size is known
    log_e: float | None = None
    # e-value from which on the change is certain enough
    threshold: float = inf
    # serial number of the row since which the change most likely holds, and the span of likely ones
    since: int | None = None
    likely: tuple[int, int] | None = None
    # why the test says nothing; None if it does
    withheld: str | None = None
    # what to do if this is an alarm, as a sentence
    remedy: str = ""
    # when the row ``since`` was received; None if that is not known
    at: datetime | None = None

    @property
    def e_value(self) -> float | None:
        """Evidence for a change: under 1 against it; infinite beyond the range of float64."""
        if self.log_e is None:
            return None
        return exp(self.log_e) if self.log_e < LARGEST_LOG else inf

    @property
    def certain(self) -> bool:
        """Whether the e-value has reached its threshold."""
        return self.withheld is None and self.log_e is not None and self.log_e >= log(self.threshold)

    @property
    def alarm(self) -> bool:
        """Whether the change is both certain and large enough to matter."""
        return self.certain and self.size is not None and self.size >= self.effect

    @property
    def title(self) -> str:
        """What was tested, in words."""
        return TITLES[self.subject].format(self.name)

    @property
    def state(self) -> State:
        """The result in one word."""
        if self.withheld is not None:
            return "withheld"
        if self.log_e is None:
            return "size"
        return "alarm" if self.alarm else "small" if self.certain else "none"

    @property
    def advice(self) -> str:
        """What to do, as one sentence."""
        if self.withheld is not None:
            return f"Nothing can be said: {self.withheld}."
        if self.alarm:
            return self.remedy
        if self.certain:
            return f"Nothing to do: the change is certain but smaller than {self.effect:.3g} {self.unit}."
        if self.log_e is None and self.size is not None and self.size >= self.effect:
            return "Only the size is known: wait for evidence from later rows before you act."
        return "Nothing to do."

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON, which has no infinity: evidence beyond float64 has only its logarithm."""
        return {"subject": self.subject, "name": self.name, "state": self.state, "title": self.title,
                "size": finite(self.size), "unit": self.unit, "effect": finite(self.effect),
                "log_e": finite(self.log_e), "e_value": finite(self.e_value), "threshold": finite(self.threshold),
                "log_threshold": finite(log(self.threshold)), "since": self.since,
                "since_time": None if self.at is None else self.at.isoformat(),
                "likely": None if self.likely is None else list(self.likely), "withheld": self.withheld,
                "advice": self.advice}


def finite(value: float | None) -> float | None:
    """Replace infinity and NaN by None."""
    return value if value is not None and isfinite(value) else None
