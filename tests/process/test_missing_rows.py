"""``--missing``: rows without a value are an error, or are left out and counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from tests.command_line import run
from tests.data_sets import ENDINGS, rows, saved

NAMES = ("--features", "x1,x2", "--target", "y")
TEXT = "2 of 300 rows have missing values: 2 without x1, 1 without y; --missing drop leaves them out"


def damaged(table: pa.Table, places: dict[str, list[int]]) -> pa.Table:
    """Return a table with nulls at some places."""
    for name, chosen in places.items():
        values = table[name].to_pylist()
        for place in chosen:
            values[place] = None
        table = table.set_column(table.column_names.index(name), name, pa.array(values, table[name].type))
    return table


def without(table: pa.Table, places: dict[str, list[int]]) -> pa.Table:
    """Return a table without the rows at some places."""
    left_out = {place for chosen in places.values() for place in chosen}
    return table.take([place for place in range(table.num_rows) if place not in left_out])


def train(data: Path, model: Path, *options: object) -> Result:
    """Train on a file."""
    return run("train", "--data", data, *NAMES, "--model-save-path", model, *options)


def fitted(model: Path) -> tuple[object, ...]:
    """What the rows decide of a model."""
    artefact: Artefact = load(model)
    return artefact.W.tolist(), artefact.b, artefact.moments.C.tolist(), artefact.card["metrics"], artefact.card["data"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("more", [(), ("--batch-size", 64, "--iterations", 3), ("--key", "id")])
def test_dropping_gives_the_model_of_the_cleaned_copy(
        tmp_path: Path, random: np.random.Generator, ending: str, more: tuple[object, ...]) -> None:
    """In every format, in closed form and by passes, split by values and by keys."""
    table, places = rows(random, 300), {"x1": [0, 7, 299], "y": [7, 20]}
    raw = saved(damaged(table, places), tmp_path / f"raw{ending}")
    dropped = train(raw, tmp_path / "a", "--missing", "drop", *more)
    train(saved(without(table, places), tmp_path / f"clean{ending}"), tmp_path / "b", *more)

    assert fitted(tmp_path / "a") == fitted(tmp_path / "b")
    assert "missing      4 of 300 rows left out: 3 without x1, 2 without y\n" in dropped.stdout
    assert {"rows": 300, "missing": 4, "columns": {"x1": 3, "y": 2}} == load(tmp_path / "a").card["missing"]


@given(st.dictionaries(st.sampled_from(["x1", "x2", "x3", "y"]), st.lists(st.integers(0, 99), max_size=30)))
@settings(max_examples=10)
def test_dropping_any_rows_gives_the_moments_of_the_cleaned_copy(tmp_path_factory: pytest.TempPathFactory,
                                                                 places: dict[str, list[int]]) -> None:
    """A column that is not used may be incomplete."""
    folder, table = tmp_path_factory.mktemp("rows"), rows(np.random.default_rng(0), 100)
    raw = saved(damaged(table, places), folder / "raw.csv")
    clean = saved(without(table, {name: chosen for name, chosen in places.items() if name != "x3"}), folder / "c.csv")
    for data, name, more in ((raw, "raw.json", ("--missing", "drop")), (clean, "clean.json", ())):
        assert 0 == run("moments", "build", "--data", data, *NAMES, "--output", folder / name, *more).exit_code

    assert (folder / "raw.json").read_bytes() == (folder / "clean.json").read_bytes()


@pytest.mark.parametrize("command", [
    ("train", *NAMES), ("cross-validate", *NAMES), ("moments", "build", *NAMES, "--output", "o"),
    ("evaluate", "--model-path", "m"), ("check", "m")], ids=lambda command: command[0])
def test_each_command_counts_missing_rows_or_leaves_them_out(
        tmp_path: Path, random: np.random.Generator, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    """The error names the first, the columns and the option."""
    monkeypatch.chdir(tmp_path)
    table = rows(random, 300)
    train(saved(table, tmp_path / "clean.csv"), tmp_path / "m")
    saved(damaged(table.slice(0, 150), {"x1": [9]}), tmp_path / "rows" / "a.csv")
    saved(damaged(table.slice(150), {"x1": [30], "y": [30]}), tmp_path / "rows" / "b.parquet")

    error = run(*command, "--data", tmp_path / "rows")
    done = run(*command, "--data", tmp_path / "rows", "--missing", "drop")

    assert (1, 0) == (error.exit_code, done.exit_code), done.output
    assert "a.csv: column 'x1', row 10 " in error.stderr and error.stderr.endswith(f"; {TEXT}\n")
    assert "missing      2 of 300 rows left out: 2 without x1, 1 without y\n" in done.stdout + done.stderr


def test_a_missing_key_is_left_out(tmp_path: Path, random: np.random.Generator) -> None:
    """Text that stands for a missing value is no key."""
    table = rows(random, 300)
    keys = pa.array(["NA" if place % 100 == 5 else f"k{place}" for place in range(300)])
    data = saved(table.set_column(0, "id", keys), tmp_path / "rows.parquet")

    error, done = (train(data, tmp_path / "m", "--key", "id", *more) for more in ((), ("--missing", "drop")))

    assert error.exit_code == 1 and "column 'id', row 6 " in error.stderr and "3 without id" in error.stderr
    assert "missing      3 of 300 rows left out: 3 without id\n" in done.stdout


@pytest.mark.parametrize("value", ["inf", "x"])
def test_other_faults_stay_errors(tmp_path: Path, random: np.random.Generator, value: str) -> None:
    """The fault is named, not a missing value before it."""
    table = damaged(rows(random, 50), {"x1": [3]})
    texts = [value if place == 20 else repr(each) for place, each in enumerate(table["x2"].to_pylist())]
    data = saved(table.set_column(table.column_names.index("x2"), "x2", pa.array(texts)), tmp_path / "rows.csv")

    done = train(data, tmp_path / "m", "--missing", "drop")

    assert done.exit_code == 1 and "column 'x2', row 21 " in done.stderr


def test_nothing_left_is_an_error(tmp_path: Path, random: np.random.Generator) -> None:
    """Every row lacks a value."""
    data = saved(damaged(rows(random, 40), {"x1": list(range(40))}), tmp_path / "rows.parquet")

    done = train(data, tmp_path / "m", "--missing", "drop")

    assert done.stderr == "Error: no row is left: 40 of 40 rows have missing values: 40 without x1\n"


def test_counts_survive_a_run_that_ended_early(tmp_path: Path, random: np.random.Generator) -> None:
    """They are restored with the moments."""
    data = saved(damaged(rows(random, 300), {"x1": [1, 2]}), tmp_path / "rows.csv")
    assert 1 == train(data, tmp_path / "m", "--missing", "drop", "--min-r2", "1").exit_code
    assert 2 == json.loads((tmp_path / "m.progress").read_text())["result"]["missing"]["missing"]

    done = train(data, tmp_path / "m", "--missing", "drop")

    assert "missing      2 of 300 rows left out: 2 without x1\n" in done.stdout


def test_unlearning_leaves_out_what_training_left_out(tmp_path: Path, random: np.random.Generator) -> None:
    """As the card says."""
    table = rows(random, 300)
    train(saved(damaged(table, {"x1": [1]}), tmp_path / "rows.csv"), tmp_path / "m", "--missing", "drop")
    some = saved(damaged(table.slice(0, 20), {"x1": [1]}), tmp_path / "some.csv")

    done = run("unlearn", "--data", some, "--model-path", tmp_path / "m")

    assert done.exit_code == 0, done.stderr


def test_a_promotion_counts_missing_rows_or_leaves_them_out(tmp_path: Path, random: np.random.Generator) -> None:
    """The gate judges the others; the model was not verified, so that the champion is kept."""
    table = rows(random, 300)
    train(saved(table, tmp_path / "clean.csv"), tmp_path / "m")
    data = saved(damaged(table, {"x1": [9, 180], "y": [180]}), tmp_path / "rows.csv")
    command = ("models", "promote", tmp_path / "m", "--models", tmp_path / "models", "--data", data)

    error, done = run(*command), run(*command, "--missing", "drop")

    assert error.exit_code == 1 and error.stderr.endswith(f"; {TEXT}\n")
    assert "missing      2 of 300 rows left out: 2 without x1, 1 without y\n" in done.stdout, done.stderr
