"""The feedback of single callers."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

from linear_regressor import Moments
from linear_regressor.monitoring.block import Block, Interval
from linear_regressor.monitoring.callers import Callers, influence


def blocks(seed: int, shifts: dict[str | None, float], rows: int = 100) -> list[Block]:
    """Two blocks of each caller."""
    random = np.random.default_rng(seed)
    found = []
    for first in (1, 1001):
        for name, shift in shifts.items():
            X = random.normal(size=(rows, 2))
            y = X @ [1.0, 2.0] + shift + random.normal(size=rows)
            found.append(Block(Interval(first, first + 999, Moments.from_arrays(X, y), None), name, "digest"))
    return found


def test_a_caller_that_contradicts_all_others_is_found(seed: int) -> None:
    """With the size of the contradiction in the unit of the target."""
    findings = {finding.name: finding for finding in
                Callers.of(blocks(seed, {"ann": 0.0, "bob": 0.0, "cat": 0.0, "eve": 2.0})).findings("sales")}
    eve = findings["eve"]
    assert eve.alarm and eve.size == pytest.approx(2.0, abs=0.5)
    assert eve.threshold == pytest.approx(4 / 0.05)
    assert "retrain --without eve" in eve.advice and "sales" in eve.unit
    assert eve.log_e == max(finding.log_e or 0.0 for finding in findings.values())


def test_honest_callers_are_no_alarm() -> None:
    """Whatever their shares of the rows."""
    callers = Callers.of(blocks(1, {"ann": 0.0, "bob": 0.0, "cat": 0.0}))
    assert not any(finding.alarm for finding in callers.findings("y"))


def test_one_caller_or_none_cannot_be_judged() -> None:
    """Each with its reason."""
    one, unknown = Callers.of(blocks(1, {"ann": 0.0})), Callers.of(blocks(1, {"ann": 0.0, None: 0.0}))
    assert one.withheld is not None and "single caller" in one.withheld
    assert unknown.withheld is not None and "authentication" in unknown.withheld
    assert one.findings("y") == unknown.findings("y") == []


def test_a_caller_without_enough_others_is_withheld() -> None:
    """The others' few rows determine no line."""
    found = [*blocks(1, {"ann": 0.0}), *blocks(2, {"bob": 0.0}, rows=2)]
    ann, bob = Callers.of(found).findings("y")
    assert ann.withheld is not None and "feedback of all other callers has too few rows" in ann.withheld
    assert bob.withheld is None


def test_the_influence_is_how_far_the_line_moves() -> None:
    """The largest change of a prediction within 3 standard distances, attained at its point."""
    rest = blocks(1, {"ann": 0.0, "bob": 0.0})
    eve = blocks(3, {"eve": 4.0})
    whole = rest[0].rows.moments
    for block in [*rest[1:], *eve]:
        whole = whole + block.rows.moments
    caller = eve[0].rows.moments + eve[1].rows.moments
    found = influence(whole, caller)
    assert found is not None
    (W, b), (W_rest, b_rest) = whole.solve(), (whole - caller).solve()
    assert found.change == pytest.approx((W - W_rest) @ found.point + b - b_rest)
    assert found.change > 4.0 / 3.0 - 0.4
    assert influence(caller, caller) is None


def test_a_name_in_advice_is_one_word_for_a_shell() -> None:
    """The subject of a token may have any characters, and advice is copied."""
    findings = Callers.of(blocks(1, {"ann": 0.0, "x; reboot": 0.0})).findings("y")
    assert "--without 'x; reboot')" in next(one.remedy for one in findings if one.name != "ann")


def test_many_callers_take_few_additions(monkeypatch: pytest.MonkeyPatch) -> None:
    """All others of each caller, by a number of additions in proportion to the number of callers."""
    callers, added = Callers.of(blocks(1, {f"caller {number}": 0.0 for number in range(30)}, rows=5)), list[int]()
    add = Moments.__add__

    def counted(one: Moments, other: Moments) -> Moments:
        added.append(1)
        return add(one, other)

    monkeypatch.setattr(Moments, "__add__", counted)
    found = {name: callers.others(name) for name in callers.moments}

    assert len(added) <= 3 * len(found)
    for name, others in found.items():
        expected = reduce(add, (moments for other, moments in callers.moments.items() if other != name))
        assert others.n == expected.n
        np.testing.assert_allclose(others.C, expected.C, rtol=1e-12)
