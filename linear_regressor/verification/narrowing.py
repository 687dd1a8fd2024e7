"""A schema for the numbers of a model, whose rows have no other columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from linear_regressor.errors import SettingError
from linear_regressor.verification.learning import moments_of
from linear_regressor.verification.schema import Reference, Schema

Value = TypeVar("Value")


def narrowed(schema: Schema, names: Sequence[str]) -> Schema:
    """Keep those of the columns that are declared as numbers, with their part of the reference."""
    for name in names:
        if name not in schema.by_name:
            raise SettingError(f"the schema does not name the model's column {name!r}: add it, or name another schema")
    columns = tuple(schema.by_name[name] for name in names if schema.by_name[name].kind == "number")
    if not columns:
        raise SettingError("the schema declares none of the model's columns as numbers: name another schema")
    reference = schema.reference and _part(schema.reference, {column.name for column in columns})
    return Schema(columns, reference, severity=schema.severity)


def _part(reference: Reference, names: set[str]) -> Reference:
    """Keep what is known of some columns of numbers."""
    def of(values: dict[str, Value]) -> dict[str, Value]:
        return {name: value for name, value in values.items() if name in names}

    numbers = tuple(name for name in reference.numbers if name in names)
    moments, ranks = (moments_of(each, reference.numbers, numbers) for each in (reference.moments, reference.ranks))
    return replace(reference, numbers=numbers, moments=moments, ranks=ranks, bins=of(reference.bins),
                   missing=of(reference.missing), categories={}, minimum=of(reference.minimum),
                   maximum=of(reference.maximum))
