"""The entry 'behaviour' of a schema."""

from __future__ import annotations

from typing import Any

import pytest

from linear_regressor.errors import ArtefactError
from linear_regressor.verification.behaviour import Behaviour, Example

COLUMNS = ["bmi", "id"]
EXAMPLE = {"row": {"bmi": 0.05}, "prediction": 200, "tolerance": 60}


def test_all_entries_are_read() -> None:
    """With the values that they declare."""
    plain = {"direction": {"bmi": "increasing"}, "confidence": 0.9, "invariant": {"id": 0.01}, "examples": [EXAMPLE],
             "better_than_mean": True}

    assert Behaviour.from_plain(plain, COLUMNS) == Behaviour(
        {"bmi": "increasing"}, 0.9, {"id": 0.01}, (Example({"bmi": 0.05}, 200.0, 60.0),), True)


@pytest.mark.parametrize(("plain", "declares"), [
    ({}, False), ({"confidence": 0.9}, False), ({"better_than_mean": False}, False), ({"better_than_mean": True}, True),
    ({"examples": [EXAMPLE]}, True)])
def test_it_is_true_if_it_requires_anything(plain: dict[str, Any], declares: bool) -> None:
    """A confidence alone requires nothing."""
    assert bool(Behaviour.from_plain(plain, COLUMNS)) == declares


def test_a_mapping_is_required_even_if_the_target_is_the_only_column() -> None:
    """The message has no example then."""
    with pytest.raises(ArtefactError, match="direction must be a mapping of columns$"):
        Behaviour.from_plain({"direction": 3}, ())


@pytest.mark.parametrize(("plain", "words"), [
    ({"directions": {}}, ["'directions'", "direction, confidence, invariant"]),
    ({True: {}}, ["unknown entry True"]),
    ({"direction": ["bmi"]}, ["direction must be a mapping", "{bmi: ...}"]),
    ({"direction": {"bmi": "up"}}, ["direction of 'bmi'", "increasing or decreasing", "'up'"]),
    ({"direction": {"bmi": ["increasing"]}}, ["direction of 'bmi'"]),
    ({"direction": {"bim": "increasing"}}, ["direction names 'bim'", "not a column of the schema"]),
    ({"direction": {1: "increasing"}}, ["direction names 1", "in quotes"]),
    ({"confidence": 1}, ["confidence", "below 1"]),
    ({"confidence": "1e-1"}, ["confidence must be a number", "'1e-1'"]),
    ({"invariant": {"id": -1}}, ["invariant of 'id'", "at least 0", "-1"]),
    ({"invariant": {"id": float("nan")}}, ["invariant of 'id'", "finite"]),
    ({"invariant": {"id": True}}, ["invariant of 'id'", "must be a number"]),
    ({"invariant": {"id": 10 ** 400}}, ["invariant of 'id'", "range of float64"]),
    ({"examples": EXAMPLE}, ["examples must be a list"]),
    ({"examples": [EXAMPLE, {"row": {}}]}, ["example 2", "row, prediction, tolerance"]),
    ({"examples": [{**EXAMPLE, "row": {"x": 1}}]}, ["example 1: row names 'x'"]),
    ({"examples": [{**EXAMPLE, "row": {"bmi": "a"}}]}, ["example 1: 'bmi' must be a number"]),
    ({"examples": [{**EXAMPLE, "prediction": None}]}, ["example 1: prediction"]),
    ({"examples": [{**EXAMPLE, "tolerance": -0.5}]}, ["example 1: tolerance", "at least 0"]),
    ({"better_than_mean": 1}, ["better_than_mean must be true or false, not 1"]),
])
def test_an_invalid_entry_is_named(plain: dict[str, Any], words: list[str]) -> None:
    """In one line, with what is valid."""
    with pytest.raises(ArtefactError) as raised:
        Behaviour.from_plain(plain, COLUMNS)

    message = str(raised.value)
    assert [] == [word for word in ["behaviour: ", *words] if word not in message]
    assert "\n" not in message and len(message) < 300
