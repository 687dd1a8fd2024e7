"""Checks of all columns of numbers against the reference together: distributions, relations, and their causes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import log

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import counted
from linear_regressor.model.histogram import Histogram
from linear_regressor.model.moments import Moments
from linear_regressor.verification import causes, shift
from linear_regressor.verification.comparison import Comparison
from linear_regressor.verification.finding import Finding, Severity

ERROR, WARNING = Severity.ERROR, Severity.WARNING
Found = NDArray[np.bool_]
# Least ratio of standard deviations that counts as another spread.
LEAST_RATIO = 1.1
# Columns of which all pairs are exchanged, to see whether that explains their changed relations.
MOST_EXCHANGED = 30
AGAIN = "find out why, and learn the schema again if it is right"


def check(compared: Comparison) -> tuple[set[str], list[Finding]]:
    """Return the columns whose change has a known cause, and all findings."""
    names, (moved, reshaped) = compared.joint, changed_alone(compared)
    changed = [name for name in compared.numbers if name in moved or name in reshaped]
    found = _causes(compared, [name for name in changed if name in names])
    explained = {name for each in found for name in each[0]}
    findings = [finding for _, finding in found]
    for name in changed:
        if name not in explained:
            findings += _distribution(compared, name, name in moved, name in reshaped)
    return explained, [*findings, *_relations(compared, [name for name in names if name not in changed])]


def changed_alone(compared: Comparison) -> tuple[set[str], set[str]]:
    """Return the columns with another mean, and those with another shape; the relations of both are not compared."""
    names = compared.joint
    moved = np.flatnonzero(shift.means(*compared.moments(names), compared.tests)).tolist() if names else []
    reshaped = {name for name, values in compared.numbers.items() if values.bins is not None
                and shift.shares(compared.reference.bins[name], values.bins, compared.tests)}
    return {names[place] for place in moved}, reshaped


def _causes(compared: Comparison, changed: list[str]) -> list[tuple[list[str], Finding]]:
    """Explain changed columns by swapped columns, another unit, or the opposite sign."""
    if not changed:
        return []
    names = compared.joint
    spreads = causes.Spreads(*compared.moments(names))
    found: list[tuple[list[str], Finding]] = []
    swapped = [[names[place] for place in pair] for pair in spreads.swapped([names.index(name) for name in changed])]
    for one, other in swapped:
        found.append(([one, other], _swapped(one, other)))
    for name in changed:
        place = names.index(name)
        if any(name in pair for pair in swapped):
            continue
        if spreads.reversed_sign(place):
            found.append(([name], _reversed(name)))
        elif unit := spreads.unit(place):
            found.append(([name], _converted(compared, name, unit)))
    return found


def _swapped(one: str, other: str) -> Finding:
    """Report columns under each other's name."""
    return Finding("swapped-columns", None, ERROR, f"columns {one!r} and {other!r} each hold what the other one holds "
                   "in the reference: exchange their names")


def _reversed(name: str, other: str | None = None) -> Finding:
    """Report a column of the opposite sign; it may be the other one as well if only the two go with each other."""
    either = "" if other is None else f" (or {other!r})"
    return Finding("sign", name, ERROR, f"column {name!r}{either} has the opposite sign of that in the reference: "
                   "multiply it by -1, or learn the schema again if it is right")


def _converted(compared: Comparison, name: str, unit: causes.Conversion) -> Finding:
    """Report a column in another unit."""
    (before, _), (after, _) = compared.mean_and_spread(name)
    means = " where the reference has ".join(compared.amount(name, mean) for mean in (after, before))
    rule = f"{unit.factor:.7g} times" + (f" plus {unit.offset:.7g}" if unit.offset else "")
    return Finding("unit", name, ERROR, f"column {name!r} has a mean of {means}: mean and spread are {rule} those of "
                   f"the reference, as from {unit.before} to {unit.after}, so convert it back")


def _distribution(compared: Comparison, name: str, moved: bool, reshaped: bool) -> Iterator[Finding]:
    """Report another mean, spread or shape."""
    ratio = 1.0
    if name in compared.joint:
        (before, old), (after, new) = compared.mean_and_spread(name)
        ratio = new / old if old and new else 1.0
        if moved:
            difference = after - before
            in_spreads = f" ({abs(difference) / old:.2g} standard deviations)" if old else ""
            yield Finding("mean-shift", name, WARNING, f"column {name!r} has a mean of "
                          f"{compared.amount(name, after)}, {compared.amount(name, abs(difference))} "
                          f"{'higher' if difference > 0 else 'lower'} than in the reference{in_spreads}: {AGAIN}")
        if reshaped and abs(log(ratio)) >= log(LEAST_RATIO):
            yield Finding("spread-shift", name, WARNING, f"column {name!r} has a standard deviation of "
                          f"{compared.amount(name, new)}, {ratio:.3g} times that of the reference: {AGAIN}")
    bins = compared.numbers[name].bins
    if reshaped and bins is not None and not moved and abs(log(ratio)) < log(LEAST_RATIO):
        yield _shape(compared, name, bins)


def _shape(compared: Comparison, name: str, new: Histogram) -> Finding:
    """Report the bin whose share has changed most."""
    old = compared.reference.bins[name]
    p1, p2 = (each.counts / each.counts.sum() for each in (old, new))
    place = int(np.abs(p2 - p1).argmax())
    limits = [f"at least {compared.amount(name, edge)}" for edge in old.edges[max(place - 1, 0):place]]
    limits += [f"below {compared.amount(name, edge)}" for edge in old.edges[place:place + 1]]
    return Finding("shape-shift", name, WARNING, f"column {name!r} has {p2[place]:.1%} of its values "
                   f"{' and '.join(limits)}, where the reference has {p1[place]:.1%}: {AGAIN}",
                   int(new.counts[place]), float(p2[place]))


def _relations(compared: Comparison, names: list[str]) -> list[Finding]:
    """Find columns that go with others in another way; those whose own distribution has changed are left out."""
    ranks = compared.ranks(names) if len(names) > 1 else None
    if ranks is None:
        return []
    before, after = ranks
    found = []
    changed = shift.pairs(before, after, compared.tests)
    while corrected := _corrected(before, after, changed, compared.tests):
        found.append(_correction(names, changed, corrected[2]))
        after, changed, _ = corrected
    while changed.any():
        counts = changed.sum(axis=0)
        candidates = np.flatnonzero(counts == counts.max())[::-1].tolist()  # the target, which is last, first
        moves = ((place, _moved(compared, names, place)) for place in candidates)
        place, move = next(((place, move) for place, move in moves if move), (candidates[0], None))
        found.append(move or _unrelated(names, before, after, changed, place))
        changed[place] = changed[:, place] = False
    target = [column.name for column in compared.schema.with_role("target")]
    whole = not found and names == list(compared.joint) and target == names[-1:]
    if whole and shift.line(before, after, compared.tests):
        found.append(Finding("relation-shift", target[0], WARNING, f"the line of column {target[0]!r} on the other "
                             f"columns of numbers is not that of the reference: {AGAIN}"))
    return found


def _correction(names: list[str], changed: Found, places: tuple[int, ...]) -> Finding:
    """Report a column whose sign was reversed, or two that were exchanged."""
    if len(places) == 2:
        return _swapped(names[places[0]], names[places[1]])
    others = np.flatnonzero(changed[places[0]])
    alone = len(others) == 1 and changed[others[0]].sum() == 1
    return _reversed(names[places[0]], names[others[0]] if alone else None)


def _corrected(before: Moments, after: Moments, changed: Found,
               tests: int) -> tuple[Moments, Found, tuple[int, ...]] | None:
    """Reverse the sign of a column, or exchange two, if that explains at least half of what they changed."""
    places = np.flatnonzero(changed.any(axis=0)).tolist()
    trials: list[tuple[tuple[int, ...], Moments]] = [((one,), causes.negated(after, one)) for one in places]
    if len(places) <= MOST_EXCHANGED:
        trials += [(pair, causes.exchanged(after, *pair)) for pair in combinations(places, 2)]
    best: tuple[Moments, Found, tuple[int, ...]] | None = None
    for chosen, trial in trials:
        now = shift.pairs(before, trial, tests)
        if all(2 * now[place].sum() <= changed[place].sum() for place in chosen) and now.sum() < (
                changed if best is None else best[1]).sum():
            best = trial, now, chosen
    return best


def _moved(compared: Comparison, names: list[str], place: int) -> Finding | None:
    """Report a column whose values fit the others again in the rows around them."""
    before, _ = compared.moments(names)
    rows = compared.summary.first_rows[:, [compared.summary.numbers.index(name) for name in names]]
    moved = causes.rows_moved(before, rows, place)
    if not moved:
        return None
    move = f"{'up' if moved > 0 else 'down'} by {counted(abs(moved), 'row')}"
    return Finding("shifted-rows", names[place], ERROR, f"column {names[place]!r} goes with the other columns only "
                   f"after its values are moved {move}: move them back")


def _unrelated(names: list[str], before: Moments, after: Moments, changed: Found, place: int) -> Finding:
    """Report the relation of a column that has changed most."""
    r1, r2 = (each.C[place] / np.sqrt(np.maximum(each.C.diagonal() * each.C[place, place], 1e-300))
              for each in (before, after))
    partner = int(np.where(changed[place], np.abs(r2 - r1), -1.0).argmax())
    return Finding("relation-shift", names[place], WARNING, f"column {names[place]!r} no longer goes with "
                   f"{names[partner]!r} as in the reference (rank correlation {r2[partner]:.2f}, {r1[partner]:.2f} in "
                   "the reference): check that the values of each row belong together")
