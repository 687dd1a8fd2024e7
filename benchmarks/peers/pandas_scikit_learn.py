"""Read a file with pandas and fit scikit-learn's LinearRegression."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Print the slopes."""
    import pandas
    from sklearn.linear_model import LinearRegression

    path, target, *features = sys.argv[1:]
    columns = [*features, target]
    frame = pandas.read_csv(path, usecols=columns) if path.endswith(".csv") else pandas.read_parquet(
        path, columns=columns)
    print(json.dumps(LinearRegression().fit(frame[features], frame[target]).coef_.tolist()))


if __name__ == "__main__":
    main()
