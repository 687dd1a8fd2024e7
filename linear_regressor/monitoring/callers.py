"""Callers: whether the feedback of one of them contradicts that of all others, and what it does to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from shlex import quote

from linear_regressor.errors import MomentsError
from linear_regressor.model.compare import LargestDifference
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.block import Block
from linear_regressor.monitoring.finding import Finding
from linear_regressor.monitoring.inputs import conditional_size
from linear_regressor.monitoring.line_change import LineTest, Withheld
from linear_regressor.monitoring.moment_stack import MomentStack


@dataclass(frozen=True, eq=False)
class Callers:
    """The feedback of each caller since the model's cut.

    A test compares a caller's rows with those of all others, and needs them to be honest. It holds its error rate at
    each single look, not for ever: both groups grow. With two callers, both contradict each other. Several callers who
    agree on false rows, or one who falsifies them little by little, are not found.
    """

    moments: dict[str, Moments]
    # why no caller can be judged; None if they can
    withheld: str | None

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> Callers:
        """Add up the rows of each caller."""
        found: dict[str, Moments] = {}
        for block in blocks:
            if block.principal is None:
                return cls({}, "callers cannot be judged without authentication")
            moments = block.rows.moments
            found[block.principal] = found[block.principal] + moments if block.principal in found else moments
        return cls(found, None if len(found) > 1 else "a single caller cannot be judged: there is no other to compare "
                                                      "it with")

    @cached_property
    def _others(self) -> dict[str, Moments]:
        """Rows of all callers but each one, from sums over those before and those after it."""
        names, sums = list(self.moments), list(self.moments.values())
        before, after = list(accumulate(sums)), list(accumulate(reversed(sums)))[::-1]
        between = [first + last for first, last in zip(before, after[2:], strict=False)]
        return dict(zip(names, [after[1], *between, before[-2]], strict=True))

    def others(self, name: str) -> Moments:
        """Rows of all callers but one."""
        return self._others[name]

    def findings(self, target: str, rule: AlarmRule = AlarmRule()) -> list[Finding]:
        """Test each caller; nothing if callers cannot be judged."""
        if self.withheld is not None:
            return []
        return [self._finding(name, target, rule) for name in sorted(self.moments)]

    def _finding(self, name: str, target: str, rule: AlarmRule) -> Finding:
        """Test whether the rows of a caller follow the line of all others."""
        before, after = MomentStack.of([self.others(name)]), MomentStack.of([self.moments[name]])
        test = LineTest.of(before)
        code = Withheld(int(test.withheld[0]))
        if code == Withheld.NO and bool(test.in_new_direction(after)[0]):
            code = Withheld.NEW_DIRECTION
        size, errors = conditional_size(before[0], after[0])
        reason = code.reason.replace("the reference", "the feedback of all other callers") or None
        return Finding("caller", name, size, f"in the unit of {target}", rule.effect * errors,
                       float(test.counted(after)[0]), rule.threshold_of(len(self.moments)), withheld=reason,
                       remedy=f"Look at the rows of {name}; retrain without them (linear-regressor retrain --without "
                              f"{quote(name)}) if they are wrong.")


def influence(challenger: Moments, caller: Moments, radius: float = 3.0) -> LargestDifference | None:
    """How far a caller's rows move a model: the largest change of a prediction within a distance of the other rows.

    None where the other rows determine no model.
    """
    try:
        rest = challenger - caller
    except MomentsError:
        return None
    (W, b), (W_rest, b_rest) = challenger.solve(), rest.solve()
    return LargestDifference.of(rest, W - W_rest, b - b_rest, radius)
