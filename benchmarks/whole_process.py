"""``linear-regressor train`` compared with programs that fit the same line with other libraries, as whole processes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import click

from benchmarks.make_rows import FEATURES, chunks, write
from benchmarks.process import ROOT, Use, run, train
from benchmarks.ratio import Ratio

PEERS = {"DuckDB covariances": "duckdb_covariances.py", "polars-ols": "polars_least_squares.py",
         "pandas and scikit-learn": "pandas_scikit_learn.py"}
PYTHON = ROOT / "build" / "tools" / "peers" / "bin" / "python"


def ratios(rows: int, rounds: int, python: Path = PYTHON, peers: Mapping[str, str] = PEERS) -> Iterator[Ratio]:
    """Yield the ratios of time and of peak memory to each peer, on Parquet and on CSV."""
    if not python.exists():
        click.echo("No comparison of whole processes with other libraries: run 'make benchmark-peers' first", err=True)
        return
    with tempfile.TemporaryDirectory() as made:
        for name in ("Parquet", "CSV"):
            path = Path(made, f"rows.{name.lower()}")
            write(path, chunks(rows))
            what = f"{name}, {rows:,} x {len(FEATURES)}"
            for peer, pairs in measured(path, rounds, python, peers).items():
                seconds, memory = ([(ours[place], theirs[place]) for ours, theirs in pairs] for place in (0, 1))
                yield Ratio.of(f"process: train / {peer}, {what}", seconds, "s", ceiling=1)
                yield Ratio.of(f"peak memory: train / {peer}, {what}", memory, "MB", ceiling=1)


def measured(path: Path, rounds: int, python: Path, peers: Mapping[str, str]) -> dict[str, list[tuple[Use, Use]]]:
    """Run our command and all peers in turn; return pairs (ours, theirs) for each peer."""
    programs = {peer: partial(run, [str(python), str(ROOT / "benchmarks" / "peers" / program), str(path), "y",
                                    *FEATURES]) for peer, program in peers.items()}
    pairs: dict[str, list[tuple[Use, Use]]] = {peer: [] for peer in programs}
    for _ in range(rounds):
        ours = train(path)
        for peer, work in programs.items():
            pairs[peer].append((ours, work()))
    return pairs
