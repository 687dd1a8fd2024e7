"""``benchmark.py verification``: a small version of it, and its counting."""

from __future__ import annotations

import json

import pytest
from scipy import stats

from benchmarks import verification
from benchmarks.verification import CHANGES, FAMILIES, Outcome, Setting, Smallest


@pytest.mark.parametrize("p", [1, 10])
def test_clean_data_sets_hardly_ever_have_a_finding(p: int) -> None:
    """At most 1 of 160 of all families, of which each one is compared with another one."""
    found = [verification.clean(Setting(p, family, 500), 40) for family in FAMILIES]
    print(verification.SEED, verification.as_table(found), sep="\n")
    assert sum(each.found for each in found) <= 1


def test_clean_training_and_test_rows_hardly_ever_repeat() -> None:
    """None of 40 of all families; copied rows are found."""
    found = [verification.clean(Setting(10, family, 500), 10, verification.repeats) for family in FAMILIES]
    print(verification.SEED, verification.as_table(found), sep="\n")
    assert sum(each.found for each in found) == 0
    copied = verification.clean(Setting(10, "normal", 500), 2, lambda data, test, folder: verification.repeats(
        data, {name: [*values[:50], *data[name][:50]] for name, values in test.items()}, folder))
    assert copied.found == 2 and "overlap" in copied.checks


@pytest.mark.parametrize(("change", "least"), [
    ("mean, standard deviations", 0.5), ("spread, ratio", 2.0), ("shuffled share of a column", 0.7),
    ("missing share, from none", 0.05), ("share of -999", 0.05)])
def test_changes_of_a_stated_size_are_found(change: str, least: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 1,000 rows of 11 columns, in 9 of 10 runs."""
    monkeypatch.setitem(CHANGES, change, (CHANGES[change][0], (least,)))
    monkeypatch.setattr(verification, "POWER_RUNS", 10)
    assert verification.smallest((change, 1000)) == Smallest(change, 1000, least)


def test_rates_have_exact_bounds() -> None:
    """Of Clopper and Pearson: 4 of 1,000 are allowed, 5 are not."""
    found = [Outcome(Setting(1, "normal", 200), 1000, number, highest, {"extreme": number})
             for number, highest in ((4, 0.0091), (5, 0.0105))]
    assert [each.held for each in found] == [True, False]
    assert verification.as_table(found).splitlines()[-1] == (
        "| 1 | normal | 200 | 1,000 | 5 | 0.0105 | extreme 5 (too many) |")
    counted = verification.clean(Setting(1, "normal", 200), 3)
    assert counted.highest == pytest.approx(stats.binomtest(0, 3).proportion_ci(0.9, "exact").high)
    changes = [Smallest("mean", 200, 0.5), Smallest("mean", 1000, None)]
    assert verification.as_power_table(changes).splitlines()[-1] == "| mean | 0.5 | none |"
    assert json.loads(verification.as_json(found, found[:1], changes))["smallest"][1]["size"] is None
    assert [each["found"] for each in json.loads(verification.as_json(found, found[:1], changes))["repeats"]] == [4]
