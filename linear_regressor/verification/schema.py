"""``Schema``: what a data set must look like, in a YAML file that people review and edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from linear_regressor.artefact.plain_values import (
    count,
    digest_of,
    listed,
    members,
    moments_from_plain,
    moments_to_plain,
    number,
    numbers,
    text,
    texts,
    whole_numbers,
)
from linear_regressor.cleaning.steps import Step, steps_to_plain, value_steps
from linear_regressor.cleaning.steps_file import steps_from_plain
from linear_regressor.errors import ArtefactError, MomentsError
from linear_regressor.model.histogram import Histogram
from linear_regressor.model.moments import Moments
from linear_regressor.output_file import write_file
from linear_regressor.verification import yaml_text
from linear_regressor.verification.finding import severities_from_plain

FORMAT = 1
Kind = Literal["number", "category", "text", "time", "flag"]
Role = Literal["feature", "target", "key", "time"]
# Numbers of a larger size have squares of which float64 cannot hold a sum of many.
LARGEST = 1e150
# Float64 holds every whole number up to this one.
MOST_ROWS = 2**53
# What a column may declare beside its name and kind.
DECLARED = ("unit", "minimum", "maximum", "missing", "categories", "role")
HEADER = """\
# Schema of a data set, checked by 'linear-regressor verify DATA --schema FILE'.
# Review the columns: what they declare (minimum, maximum, missing, categories) must hold in every data set.
# The reference is what the rows were like from which this file was learned; --learn replaces it and keeps the columns.
"""


@dataclass(frozen=True)
class Column:
    """What one column must hold; what is None is not declared."""

    name: str
    kind: Kind
    # of its values, for people
    unit: str | None = None
    # inclusive limits of numbers
    minimum: float | None = None
    maximum: float | None = None
    # highest share of missing values that is allowed, from 0 to 1
    missing: float | None = None
    # the only values that are allowed
    categories: tuple[str, ...] | None = None
    role: Role | None = None


@dataclass(frozen=True, eq=False)
class Reference:
    """What the data set was like from which the schema was learned."""

    rows: int
    # names of the columns of the moments, in order
    numbers: tuple[str, ...]
    # of the rows in which all of ``numbers`` are present; None for fewer than two columns
    moments: Moments | None
    # counts of each column of numbers between edges
    bins: dict[str, Histogram]
    # number of missing values of each column
    missing: dict[str, int]
    # number of rows of each value of a column of categories
    categories: dict[str, dict[str, int]]
    # limits of each column of numbers
    minimum: dict[str, float]
    maximum: dict[str, float]
    # moments of the ranks of ``numbers`` among these rows, as ``DataSummary`` has them; None in older files
    ranks: Moments | None = None
    # names of the columns without two different values, in order; None in older files
    constant: tuple[str, ...] | None = None

    def varies(self, name: str) -> bool:
        """Whether a column has two different values, as far as that is known."""
        if self.constant is not None:
            return name not in self.constant
        if name in self.minimum:
            return self.minimum[name] != self.maximum[name]
        return name in self.categories and len(self.categories[name]) != 1


@dataclass(frozen=True, eq=False)
class Schema:
    """Columns in order, and the reference that new data are compared with."""

    columns: tuple[Column, ...]
    reference: Reference | None = None
    # what 'linear-regressor check' requires of a model, as it is in the file
    behaviour: dict[str, Any] = field(default_factory=dict)
    # severity of the findings of a check: 'error', 'warning' or 'ignore'
    severity: dict[str, str] = field(default_factory=dict)
    # what is done to values and rows before training, in order
    cleaning: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        """Reject two columns of one name, and two targets."""
        names = [column.name for column in self.columns]
        if not names or len(set(names)) < len(names):
            repeated = next((name for name in names if names.count(name) > 1), None)
            raise ArtefactError("it names no column" if repeated is None else f"it names column {repeated!r} twice")
        for role in ("target", "time"):
            if len([column for column in self.columns if column.role == role]) > 1:
                raise ArtefactError(f"only one column can have the role {role!r}")

        for step in value_steps(self.cleaning, names):
            if (kind := self.by_name[step.column].kind) != "number":
                raise ArtefactError(f"column {step.column!r} has the kind {kind}, but a map, unit or clip makes "
                                    "numbers: declare kind: number, and the limits of its values after map and unit")

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}

    def with_role(self, role: Role) -> tuple[Column, ...]:
        """Return the columns of a role."""
        return tuple(column for column in self.columns if column.role == role)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that is checked; comments and layout of the file do not matter."""
        return "sha256:" + digest_of(self.to_plain())

    def to_plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"format": FORMAT, "columns": [_column_to_plain(column) for column in self.columns],
                **({"cleaning": steps_to_plain(self.cleaning)} if self.cleaning else {}),
                "behaviour": self.behaviour, **({"severity": self.severity} if self.severity else {}),
                "reference": None if self.reference is None else _reference_to_plain(self.reference)}

    @classmethod
    def from_plain(cls, plain: Any) -> Schema:
        """Build a schema from plain values."""
        if not isinstance(plain, dict):
            raise ArtefactError("it is not a schema of linear-regressor")
        values = members({"behaviour": {}, "reference": None, "severity": {}, "cleaning": [], **plain}, "the schema",
                         {"format", "columns", "cleaning", "behaviour", "severity", "reference"})
        if type(values["format"]) is not int or values["format"] != FORMAT:
            raise ArtefactError(f"it has format {str(values['format'])[:20]}, and this program reads format {FORMAT}")
        if not isinstance(values["behaviour"], dict):
            raise ArtefactError("behaviour is not a mapping")
        columns = tuple(_column(each, place) for place, each in enumerate(listed(values["columns"], "columns"), 1))
        reference = values["reference"]
        return cls(columns, None if reference is None else _reference(reference), values["behaviour"],
                   severities_from_plain(values["severity"]),
                   steps_from_plain(values["cleaning"], [column.name for column in columns]))

    @classmethod
    def load(cls, path: Path) -> Schema:
        """Read and check a file."""
        try:
            schema = cls.from_plain(yaml_text.parse(path.read_bytes()))
            _ = schema.digest  # rejects values that JSON cannot represent
            return schema
        except OSError as error:
            reason = error.strerror or str(error)
        except (TypeError, ValueError, RecursionError) as error:  # of digest_of
            reason = str(error)
        except ArtefactError as error:
            reason = str(error)
        raise ArtefactError(f"cannot use the schema {path}: {reason}; correct it, or learn one with 'linear-regressor "
                            "verify DATA --schema FILE --learn'")

    def save(self, path: Path) -> None:
        """Write the file, with what was observed beside each column."""
        content = self.to_yaml().encode()
        write_file(path, lambda file: file.write(content))

    def to_yaml(self) -> str:
        """Return the content of the file."""
        import yaml

        def dump(plain: Any) -> str:
            return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120))

        plain = self.to_plain()
        lines = [HEADER, dump({"format": FORMAT}), "columns:\n"]
        for column, each in zip(self.columns, plain["columns"], strict=True):
            lines += [dump([each]), *(f"  # observed: {seen}\n" for seen in self._observed(column))]
        rest = ("cleaning", "behaviour", "severity", "reference")
        lines += [dump({name: plain[name]}) for name in rest if name in plain]
        return "".join(lines)

    def _observed(self, column: Column) -> list[str]:
        """Describe what the reference knows of a column."""
        reference, name = self.reference, column.name
        if reference is None or name not in reference.missing:
            return []
        seen = []
        if name in reference.minimum:
            seen.append(f"{reference.minimum[name]:.6g} to {reference.maximum[name]:.6g}")
        if name in reference.categories:
            seen.append(f"{len(reference.categories[name])} different values")
        seen.append(f"{reference.missing[name]} of {reference.rows} missing")
        return ["; ".join(seen)]


def _column_to_plain(column: Column) -> dict[str, Any]:
    """Return what a column declares."""
    declared = {name: value for name, value in asdict(column).items() if value is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in declared.items()}


def _column(plain: Any, place: int) -> Column:
    """Build a column from plain values."""
    where = f"column {place}"
    if not isinstance(plain, dict) or not isinstance(plain.get("name"), str):
        raise ArtefactError(f"{where} has no name; put a name that YAML reads as a number, a time or a flag in quotes")
    where = f"column {plain['name']!r}"
    if unknown := [key for key in plain if key not in ("name", "kind", *DECLARED)]:
        raise ArtefactError(f"{where} has the unknown key {str(unknown[0])[:100]!r}")
    kind, role = plain.get("kind"), plain.get("role")
    if kind not in get_args(Kind):
        raise ArtefactError(f"{where}: kind must be one of {', '.join(get_args(Kind))}, not {str(kind)[:100]!r}")
    if role is not None and role not in get_args(Role):
        raise ArtefactError(f"{where}: role must be one of {', '.join(get_args(Role))}, not {str(role)[:100]!r}")
    limits = {name: None if plain.get(name) is None else number(plain[name], f"{where}: {name}")
              for name in ("minimum", "maximum", "missing")}
    categories = plain.get("categories")
    column = Column(plain["name"], cast(Kind, kind), **limits, role=role,
                    unit=None if plain.get("unit") is None else text(plain["unit"], f"{where}: unit"),
                    categories=None if categories is None else texts(categories, f"{where}: categories"))
    _require_sensible(column, where)
    return column


def _require_sensible(column: Column, where: str) -> None:
    """Reject declarations that contradict each other or the kind of the column."""
    limits = (column.minimum, column.maximum)
    if any(limit is not None and not np.isfinite(limit) for limit in (*limits, column.missing)):
        raise ArtefactError(f"{where}: minimum, maximum and missing must be finite")
    if limits != (None, None) and column.kind != "number":
        raise ArtefactError(f"{where}: only a column of kind number can have a minimum or a maximum")
    if column.minimum is not None and column.maximum is not None and column.minimum > column.maximum:
        raise ArtefactError(f"{where}: its minimum is larger than its maximum")
    if column.missing is not None and not 0 <= column.missing <= 1:
        raise ArtefactError(f"{where}: missing must be a share from 0 to 1")
    if column.categories is not None and column.kind != "category":
        raise ArtefactError(f"{where}: only a column of kind category can have categories")
    if column.role == "target" and column.kind != "number":
        raise ArtefactError(f"{where}: the target must be of kind number")


def _reference_to_plain(reference: Reference) -> dict[str, Any]:
    """Return the reference as plain values."""
    plain = {"rows": reference.rows, "numbers": list(reference.numbers), "missing": reference.missing,
             "minimum": reference.minimum, "maximum": reference.maximum, "categories": reference.categories,
             "bins": {name: {"edges": bins.edges.tolist(), "counts": bins.counts.tolist()}
                      for name, bins in reference.bins.items()},
             "moments": None if reference.moments is None else moments_to_plain(reference.moments)}
    return {**plain, **({} if reference.ranks is None else {"ranks": moments_to_plain(reference.ranks)}),
            **({} if reference.constant is None else {"constant": list(reference.constant)})}


def _reference(plain: Any) -> Reference:
    """Build a reference from plain values."""
    values = members({"ranks": None, "constant": None, **plain} if isinstance(plain, dict) else plain, "reference",
                     {"rows", "numbers", "missing", "minimum", "maximum", "categories", "bins", "moments", "ranks",
                      "constant"})
    names = texts(values["numbers"], "reference: numbers")
    moments, ranks = (None if values[name] is None else moments_from_plain(values[name])
                      for name in ("moments", "ranks"))
    minimum, maximum = ({name: number(each, f"{limit} of {name!r}")
                         for name, each in _mapping(values[limit], limit).items()} for limit in ("minimum", "maximum"))
    reference = Reference(
        count(values["rows"], "reference: rows"), names, moments,
        {name: _bins(each, name) for name, each in _mapping(values["bins"], "bins").items()},
        {name: count(each, f"missing of {name!r}") for name, each in _mapping(values["missing"], "missing").items()},
        {name: {value: count(rows, f"categories of {name!r}") for value, rows in _mapping(each, name).items()}
         for name, each in _mapping(values["categories"], "categories").items()}, minimum, maximum, ranks,
        None if values["constant"] is None else texts(values["constant"], "reference: constant"))
    _require_counts(reference)
    _require_limits(reference)
    _require_moments(reference)
    return reference


def _require_counts(reference: Reference) -> None:
    """Reject numbers of rows that no rows can have."""
    rows = reference.rows
    if not 1 <= rows <= MOST_ROWS:
        raise ArtefactError(f"reference: rows must be from 1 to 2**53, not {str(rows)[:20]}")
    counts = {"missing": reference.missing,
              "categories": {name: sum(each.values()) for name, each in reference.categories.items()},
              "bins": {name: sum(each.counts.tolist()) for name, each in reference.bins.items()}}
    for key, each in counts.items():
        for name, found in each.items():
            if found > rows:
                raise ArtefactError(f"reference: {key} of {name!r} must be at most the number of rows, {rows}, not "
                                    f"{str(found)[:20]}")


def _require_limits(reference: Reference) -> None:
    """Require limits of each column that has bins or another limit."""
    for name in dict.fromkeys([*reference.bins, *reference.minimum, *reference.maximum]):
        low, high = reference.minimum.get(name), reference.maximum.get(name)
        if low is None or high is None:
            raise ArtefactError(f"reference: column {name!r} needs both a minimum and a maximum")
        if not -np.inf < low <= high < np.inf:
            raise ArtefactError(f"reference: minimum and maximum of {name!r} must be finite and in order")


def _require_moments(reference: Reference) -> None:
    """Reject moments of other columns or rows, or of numbers whose squares float64 cannot add up."""
    for key, each, least, most in (("moments", reference.moments, -LARGEST, LARGEST), ("ranks", reference.ranks, 0, 1)):
        if each is None:
            continue
        if len(each.m) != len(reference.numbers):
            raise ArtefactError(f"reference: {key} are of {len(each.m)} columns, but numbers names "
                                f"{len(reference.numbers)}")
        if not 1 <= each.n <= reference.rows:
            raise ArtefactError(f"reference: n of {key} must be from 1 to the number of rows, {reference.rows}")
        if ((each.m < least) | (each.m > most) | (each.C.diagonal() / each.n > most ** 2)).any():
            raise ArtefactError(f"reference: {key} must be those of numbers from {least:g} to {most:g}")


def _mapping(plain: Any, name: str) -> Mapping[str, Any]:
    """Require a mapping of texts."""
    if not isinstance(plain, dict) or not all(isinstance(key, str) for key in plain):
        raise ArtefactError(f"reference: {name} must be a mapping of names")
    return plain


def _bins(plain: Any, name: str) -> Histogram:
    """Build the bins of a column from plain values."""
    values = members(plain, f"bins of {name!r}", {"edges", "counts"})
    try:
        return Histogram(numbers(values["edges"], "edges"), whole_numbers(values["counts"], "counts"))
    except MomentsError as error:
        raise ArtefactError(f"bins of {name!r}: {error}") from None
