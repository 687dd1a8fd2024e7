"""Compute all means and covariances with DuckDB, in one query, and solve for the slopes."""

from __future__ import annotations

import json
import sys
from itertools import combinations_with_replacement

import numpy as np


def main() -> None:
    """Print the slopes."""
    import duckdb

    path, target, *features = sys.argv[1:]
    read = duckdb.read_csv if path.endswith(".csv") else duckdb.read_parquet
    pairs = list(combinations_with_replacement((*features, target), 2))
    asked = ", ".join(f'covar_pop("{one}", "{other}")' for one, other in pairs)
    values = iter(read(path).aggregate(asked).fetchall()[0])
    C = np.zeros((len(features) + 1,) * 2)
    C[np.triu_indices(len(C))] = [next(values) for _ in pairs]
    C += np.triu(C, 1).T
    print(json.dumps(np.linalg.solve(C[:-1, :-1], C[:-1, -1]).tolist()))


if __name__ == "__main__":
    main()
