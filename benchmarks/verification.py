"""False findings of ``verify`` about clean pairs of data sets, and the smallest changes that it finds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray
from scipy import special

from linear_regressor.tables.table import Table
from linear_regressor.verification.finding import Finding
from linear_regressor.verification.schema import Column, Schema
from linear_regressor.verification.verify import learn_schema, verify

Array = NDArray[np.float64]
Family = Literal["normal", "heavy-tailed", "skewed", "discrete"]
Data = dict[str, Array | list[str]]
Change = Callable[[Data, float, np.random.Generator], Data]
# What is found about two data sets.
Verified = Callable[[Data, Data, Path], list[Finding]]

SEED = 20_261_127
# Highest number of 1,000 clean data sets that may have any finding.
MOST_FOUND = 4
FAMILIES: tuple[Family, ...] = ("normal", "heavy-tailed", "skewed", "discrete")
FEATURES, ROWS = (1, 10), (200, 1000, 10_000)
# Runs of each size of a change, and the share of them in which it must be found.
POWER_RUNS, POWER = 100, 0.9


@dataclass(frozen=True)
class Setting:
    """What the data sets of a row of the table are like."""

    p: int
    family: Family
    rows: int


@dataclass(frozen=True)
class Outcome:
    """How many clean data sets had any finding."""

    setting: Setting
    runs: int
    found: int
    # 95 % upper bound of the rate, of Clopper and Pearson
    highest: float
    # what was found, by check
    checks: dict[str, int]

    @property
    def held(self) -> bool:
        """Whether there were few enough."""
        return self.found * 1000 <= MOST_FOUND * self.runs


@dataclass(frozen=True)
class Smallest:
    """The smallest change of a kind that was found in 90 % of the runs; None if none of those tried was."""

    change: str
    rows: int
    size: float | None


def draw(setting: Setting, generator: np.random.Generator) -> Data:
    """Draw a data set: correlated features, of which the first one lacks some values, a category, and the target."""
    rows, p = setting.rows, setting.p
    noise = _noise(setting.family, (rows, p + 2), generator)
    X, y = noise[:, :p] + noise[:, [p]], noise[:, p + 1]
    y = y + X.sum(axis=1) / (1.0 if setting.family == "discrete" else np.sqrt(p))
    if setting.family == "discrete":
        X[:, 1::2] = X[:, 1::2] > 2.0
    X[generator.random(rows) < 0.03, 0] = np.nan
    town = generator.choice(["a", "b", "c", "d"], rows, p=[0.5, 0.3, 0.15, 0.05]).tolist()
    return {**{f"x{place}": column for place, column in enumerate(X.T)}, "town": town, "y": y}


def _noise(family: Family, shape: tuple[int, int], generator: np.random.Generator) -> Array:
    """Draw independent values: normal, t with 3 degrees of freedom, lognormal, or Poisson counts."""
    if family == "normal":
        return generator.normal(size=shape)
    if family == "heavy-tailed":
        return generator.standard_t(3, shape)
    return generator.lognormal(size=shape) if family == "skewed" else generator.poisson(1.0, shape).astype(np.float64)


def findings(old: Data, new: Data, folder: Path) -> list[Finding]:
    """Learn a schema from one data set, and verify another one."""
    before, after = _tables(old, new, folder)
    schema = learn_schema(before, _declared(old)).schema
    return list(verify(after, schema).report.findings)


def repeats(data: Data, test: Data, folder: Path) -> list[Finding]:
    """Look for repeated rows in training and test rows, and for test rows in the training data."""
    rows, test_rows = _tables(data, test, folder)
    report = verify(rows, _declared(data), test_rows, repeats=True).report
    return [*report.findings, *(() if report.against is None else report.against.findings)]


def _tables(one: Data, other: Data, folder: Path) -> list[Table]:
    """Write two data sets."""
    tables = []
    for name, data in (("old", one), ("new", other)):
        path = folder / f"{name}.parquet"
        pa.parquet.write_table(pa.table(data), path)
        tables.append(Table.of(str(path)))
    return tables


def _declared(data: Data) -> Schema:
    """Declare kinds and the target."""
    return Schema(tuple(Column(name, "category" if name == "town" else "number", role="target" if name == "y" else None)
                        for name in data))


def clean(setting: Setting, runs: int, verified: Verified = findings) -> Outcome:
    """Verify clean data sets of a setting, each with another one."""
    checks: dict[str, int] = {}
    found = 0
    with TemporaryDirectory() as folder:
        for run in range(runs):
            generator = np.random.default_rng([SEED, setting.p, FAMILIES.index(setting.family), setting.rows, run])
            names = {each.check for each in verified(draw(setting, generator), draw(setting, generator), Path(folder))}
            found += bool(names)
            checks |= {name: checks.get(name, 0) + 1 for name in names}
    highest = float(special.betaincinv(found + 1, runs - found, 0.95)) if found < runs else 1.0
    return Outcome(setting, runs, found, highest, checks)


def _mean(data: Data, size: float, generator: np.random.Generator) -> Data:
    """Raise a mean by some standard deviations."""
    return data | {"x1": np.asarray(data["x1"]) + size * np.sqrt(2.0)}


def _spread(data: Data, size: float, generator: np.random.Generator) -> Data:
    """Multiply a spread."""
    return data | {"x1": np.asarray(data["x1"]) * size}


def _relation(data: Data, size: float, generator: np.random.Generator) -> Data:
    """Shuffle a share of a column, whose correlations are 0.5."""
    values, rows = np.array(data["x1"]), len(data["y"])
    some = generator.permutation(rows)[:int(size * rows)]
    values[some] = values[generator.permutation(some)]
    return data | {"x1": values}


def _missing(data: Data, size: float, generator: np.random.Generator) -> Data:
    """Remove a share of a column."""
    return data | {"x1": np.where(generator.random(len(data["y"])) < size, np.nan, np.asarray(data["x1"]))}


def _beyond(data: Data, size: float, generator: np.random.Generator) -> Data:
    """Put a value that stands for a missing one into a share of a column."""
    return data | {"x1": np.where(generator.random(len(data["y"])) < size, -999.0, np.asarray(data["x1"]))}


CHANGES: dict[str, tuple[Change, tuple[float, ...]]] = {
    "mean, standard deviations": (_mean, (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)),
    "spread, ratio": (_spread, (1.1, 1.15, 1.2, 1.3, 1.5, 2.0, 3.0)),
    "shuffled share of a column": (_relation, (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)),
    "missing share, from none": (_missing, (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)),
    "share of -999": (_beyond, (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2))}


def smallest(case: tuple[str, int]) -> Smallest:
    """Find the smallest size of a change that is found in most of the runs, in 10 normal features."""
    name, rows = case
    change, sizes = CHANGES[name]
    setting = Setting(10, "normal", rows)
    with TemporaryDirectory() as folder:
        for size in sizes:
            missed = 0
            for run in range(POWER_RUNS):
                generator = np.random.default_rng([SEED, rows, run])
                old, new = draw(setting, generator), change(draw(setting, generator), size, generator)
                missed += not any("'x1'" in each.message for each in findings(old, new, Path(folder)))
                if missed > (1.0 - POWER) * POWER_RUNS:
                    break
            else:
                return Smallest(name, rows, size)
    return Smallest(name, rows, None)


def outcomes(runs: int, rows: Sequence[int]) -> Iterator[Outcome]:
    """Verify clean data sets of all settings, on all processors."""
    settings = [Setting(p, family, number) for number in rows for p in FEATURES for family in FAMILIES]
    # Forked processes would inherit the threads of the linear algebra library.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(clean, runs=runs), settings)


def repeats_outcomes(runs: int) -> Iterator[Outcome]:
    """Look for repeated rows and overlap in clean data sets of 10 features and 1,000 rows, on all processors."""
    settings = [Setting(10, family, 1000) for family in FAMILIES]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(clean, runs=runs, verified=repeats), settings)


def smallest_changes(rows: Sequence[int]) -> Iterator[Smallest]:
    """Find the smallest changes for some numbers of rows, on all processors."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(smallest, [(name, number) for name in CHANGES for number in rows])


def as_table(found: Sequence[Outcome]) -> str:
    """Return the clean data sets as a table in Markdown."""
    lines = ["| features | values | rows | data sets | with any finding | 95 % upper bound | |",
             "|---|---|---|---|---|---|---|"]
    for each in found:
        checks = ", ".join(f"{name} {number}" for name, number in sorted(each.checks.items()))
        lines.append(f"| {each.setting.p} | {each.setting.family} | {each.setting.rows:,} | {each.runs:,} | "
                     f"{each.found} | {each.highest:.4f} | {checks}{'' if each.held else ' (too many)'} |")
    return "\n".join(lines)


def as_power_table(found: Sequence[Smallest]) -> str:
    """Return the smallest changes as a table in Markdown."""
    rows = list(dict.fromkeys(each.rows for each in found))
    lines = ["| change | " + " | ".join(f"{number:,} rows" for number in rows) + " |", "|---" * (len(rows) + 1) + "|"]
    for name in dict.fromkeys(each.change for each in found):
        sizes = [next(each.size for each in found if (each.change, each.rows) == (name, number)) for number in rows]
        lines.append(f"| {name} | " + " | ".join("none" if size is None else f"{size:g}" for size in sizes) + " |")
    return "\n".join(lines)


def as_json(found: Sequence[Outcome], repeated: Sequence[Outcome], changes: Sequence[Smallest]) -> str:
    """Return all as one line of JSON."""
    return json.dumps({"clean": [asdict(each) for each in found], "repeats": [asdict(each) for each in repeated],
                       "smallest": [asdict(each) for each in changes]})
