"""Fit a line with polars-ols on a lazy scan."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Print the slopes."""
    import polars
    import polars_ols

    path, target, *features = sys.argv[1:]
    scan = polars.scan_csv(path) if path.endswith(".csv") else polars.scan_parquet(path)
    fitted = scan.select(polars_ols.compute_least_squares(
        polars.col(target), *map(polars.col, features), add_intercept=True, mode="coefficients")).collect()
    found = fitted.item()
    print(json.dumps([found[name] for name in features]))


if __name__ == "__main__":
    main()
