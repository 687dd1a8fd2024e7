"""Laws of data digests: the order of rows, their division into files and the formats do not matter; each value does."""

from __future__ import annotations

import datetime
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv, feather, parquet

from linear_regressor.data.content_sum import ContentSum
from linear_regressor.data.splitting import hash_values
from linear_regressor.tables.canonical_words import hash_rows, words_of
from linear_regressor.tables.content_digest import read_content

TYPES = {"x": pa.float64(), "n": pa.int64(), "word": pa.string(), "flag": pa.bool_(), "time": pa.timestamp("us")}
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.sampled_from([
    "1.50", "1.5", " 7", "+7", "007", "nan", "True", " true", "2024-05-01", "2024-02-30", "2024-05-01T00:00", "-0",
    "\x1c1", "9007199254740993", "9007199254740992.0", "1e400", "-inf", "infinity", "1_0", "", "  ", "é", "a,b", "0x10",
    "1e5", ".5", "-.", "2024-05-01 10", "2024-05-01T00:00:00.123456789"])
TEXTS = st.one_of(WORDS, st.text("ab ,\"'é1.-e", max_size=4))
TIMES = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "x": FLOATS | st.none(), "n": st.integers(-2**63, 2**63 - 1) | st.integers(-3, 3) | st.none(),
    "word": TEXTS | st.none(), "flag": st.booleans() | st.none(), "time": TIMES | st.none()}
ROWS = st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=12)
WRITERS = ("csv", "parquet", "gzip.parquet", "zstd.parquet", "feather", "lz4.feather", "ndjson")


def write(path: Path, rows: list[dict[str, Any]], turned: bool) -> None:
    """Write rows in the format and with the compression that the name ends in, the columns in either order."""
    names = list(TYPES)[::-1 if turned else 1]
    table = pa.table({name: pa.array([row[name] for row in rows], TYPES[name]) for name in names})
    *_, compression, ending = path.name.split(".")
    if ending == "csv":
        csv.write_csv(table, path)
    elif ending == "parquet":
        parquet.write_table(table, path, row_group_size=2,
                            compression=compression if compression in ("gzip", "zstd") else "none")
    elif ending == "feather":
        feather.write_feather(table, str(path), compression=compression if compression == "lz4" else "uncompressed")
    else:
        lines = [json.dumps({name: str(row[name]) if isinstance(row[name], datetime.datetime) else row[name]
                             for name in names}) for row in rows]
        path.write_text("\n".join(lines) + "\n")


@settings(deadline=None, max_examples=60)
@given(ROWS, st.data())
def test_order_files_and_formats_do_not_matter(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """Any permutation of any rows, in any number of files of any formats, has the digest of one Parquet file."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "rows.parquet"), rows, False)
        expected = read_content(f"{folder}/rows.parquet")
        shuffled = data.draw(st.permutations(rows))
        cuts = sorted(data.draw(st.sets(st.integers(1, len(rows)), max_size=3)) - {len(rows)})
        Path(folder, "parts").mkdir()
        for place, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
            name = data.draw(st.sampled_from(WRITERS))
            write(Path(folder, "parts", f"{place}.{name}"), shuffled[start:end], data.draw(st.booleans()))
        found = read_content(f"{folder}/parts")
        assert (found.digest, found.rows) == (expected.digest, len(rows))


@settings(deadline=None)
@given(st.lists(st.tuples(*[FLOATS] * 3), min_size=1, max_size=20), st.data())
def test_every_changed_number_is_seen(rows: list[tuple[float, ...]], data: st.DataObject) -> None:
    """Another number at any place changes the sum of the hashes, for certain: every step of the hash can be undone."""
    block = np.array(rows) + 0.0
    row, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, 2))
    changed = block.copy()
    changed[row, column] = data.draw(FLOATS.filter(lambda value: value != block[row, column]))
    before, after = ContentSum(), ContentSum()
    hash_values(block.T, before)
    hash_values(changed.T, after)
    assert before.first != after.first and before.digest("abc") != after.digest("abc")


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_texts_are_read_alike_alone_and_together(texts: list[str]) -> None:
    """The values beside a text decide how it is read, fast or slowly, and never what it is."""
    together, _ = hash_rows([words_of(pa.array(texts), "column")], len(texts))
    alone = [int(hash_rows([words_of(pa.array([text]), "column")], 1)[0][0]) for text in texts]
    assert together.tolist() == alone


@given(st.lists(st.tuples(*[FLOATS] * 2), min_size=1, max_size=20))
def test_training_and_data_show_hash_numbers_alike(rows: list[tuple[float, ...]]) -> None:
    """So that the card of a model and ``data show`` agree."""
    block = np.array(rows) + 0.0
    trained, shown = ContentSum(), ContentSum()
    hashes = hash_values(block.T, trained)
    found, states = hash_rows([words_of(pa.array(column), "column") for column in block.T], len(block))
    shown.add(found, states)
    assert (found.tolist(), shown) == (hashes.tolist(), trained)


@given(st.lists(st.tuples(*[FLOATS] * 3), min_size=1, max_size=20), st.integers(0, 20))
def test_the_digest_follows_the_formula(rows: list[tuple[float, ...]], cut: int) -> None:
    """As docs/data-versions.md gives it, in Python integers; sums of parts add up."""
    mask, first, second = 2**64 - 1, 0, 0
    for row in rows:
        h, states = 0x9E3779B97F4A7C15, 0
        for value in row:
            h = (h ^ int(np.float64(value + 0.0).view(np.uint64))) * 0xBF58476D1CE4E5B9 & mask
            h ^= h >> 32
            states += h
        h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & mask
        h = (h ^ h >> 27) * 0x94D049BB133111EB & mask
        h ^= h >> 31
        first, second = first + h & mask, second + h * states & mask
    text = f"2 {len(rows)} 3 1:a2:é1:b ".encode() + first.to_bytes(8, "little") + second.to_bytes(8, "little")
    one, other = ContentSum(), ContentSum()
    hash_values(np.array(rows[:cut]).reshape(-1, 3).T, one)
    hash_values(np.array(rows[cut:]).reshape(-1, 3).T, other)
    assert (one + other).digest(("a", "é", "b")) == f"sha256:{hashlib.sha256(text).hexdigest()}"


@pytest.mark.parametrize("kind", ["small integers", "signs", "float32"])
def test_structured_rows_do_not_collide(kind: str) -> None:
    """Values with few digits, of which hashes with weak mixing make equal hashes."""
    grid = np.stack(np.meshgrid(*[np.arange(-16.0, 16.0)] * 4), axis=-1).reshape(-1, 4)
    if kind == "signs":
        grid = np.stack(np.meshgrid(*[np.array([-1.5, 1.5])] * 18), axis=-1).reshape(-1, 18)
    if kind == "float32":
        grid = (1 + grid * np.float64(2.0**-21)).astype(np.float32).astype(np.float64)
    hashes, states = hash_rows([words_of(pa.array(column), "column") for column in grid.T], len(grid))
    assert len(np.unique(hashes)) == len(np.unique(states)) == len(grid)


def test_swapped_values_are_seen(random: np.random.Generator) -> None:
    """Values that two rows exchange: the sums of the columns stay, the rows do not."""
    block = random.normal(size=(1000, 3))
    whole, swapped = ContentSum(), ContentSum()
    hash_values(block.T, whole)
    block[[3, 7], 1] = block[[7, 3], 1]
    hash_values(block.T, swapped)
    assert (whole.first, whole.second) != (swapped.first, swapped.second)
