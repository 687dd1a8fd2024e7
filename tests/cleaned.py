"""Raw rows, cleaning steps, and the same rows cleaned by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from tests.command_line import run

REPEATED = "- {drop_repeated: {key: [id]}}\n"
SCHEMA = f"""
format: 1
columns:
- {{name: id, kind: text}}
- {{name: sex, kind: number}}
- {{name: weight, kind: number}}
- {{name: score, kind: number, role: target}}
cleaning:
- {{map: {{column: sex, values: {{F: 1, M: 2, unknown: null, 9: 1}}}}}}
- {{unit: {{column: weight, from: lb, to: kg, factor: 0.45359237, offset: 0}}}}
- {{clip: {{column: weight, minimum: 50, maximum: 100}}}}
- {{unit: {{column: score, from: tenths, to: points, factor: 0.1, offset: 2}}}}
- {{drop_missing: {{columns: [sex]}}}}
{REPEATED}"""
COLUMNS = ("--features", "sex,weight", "--target", "score", "--min-r2", "-9")
CODES = {"F": 1.0, "M": 2.0, "unknown": np.nan, "9": 1.0}
Array = NDArray[np.float64]


class Cleaned:
    """Raw rows, the same rows cleaned by hand, and the places of a model of each."""

    def __init__(self, folder: Path, schema: str = SCHEMA) -> None:
        random = np.random.default_rng(5)
        sex, weight = random.choice(["F", "M", " F", "unknown", "9"], 400), random.uniform(80, 260, 400).round(2)
        kg = weight * 0.45359237 + 0.0
        code = np.array([CODES[text.strip()] for text in sex])
        score = (np.where(np.isnan(code), 1.0, code) * 30 + kg * 10 + random.normal(0, 10, 400)).round(2)
        ids = np.array([f"k{number // 2 if number < 40 else number}" for number in range(400)])
        self.columns = {"id": ids, "sex": sex, "weight": weight, "score": score}
        self.raw = write(folder / "raw.csv", **self.columns)
        known = np.flatnonzero(~np.isnan(code))
        first = known[np.sort(np.unique(ids[known], return_index=True)[1])]
        self.kept = kept = first if REPEATED in schema else known
        self.X, self.y = np.column_stack([code, kg.clip(50, 100)])[kept], (score * 0.1 + 2)[kept]
        self.clean = write(folder / "clean.csv", sex=self.X[:, 0], weight=self.X[:, 1], score=self.y)
        self.missing, self.repeated = 400 - len(known), len(known) - len(first)
        self.beyond = int(np.sum((kg < 50) | (kg > 100)))
        self.schema = folder / "schema.yaml"
        self.schema.write_text(schema)
        self.model, self.by_hand = folder / "model.joblib", folder / "by_hand.joblib"

    def train(self, *options: object) -> None:
        """Train both models."""
        for data, model, schema in ((self.raw, self.model, ("--schema", self.schema)),
                                    (self.clean, self.by_hand, ())):
            done = run("train", "--data", data, *COLUMNS, "--model-save-path", model, *schema, *options)
            assert done.exit_code == 0, done.output


def write(path: Path, **columns: Any) -> Path:
    """Write a CSV or Parquet file."""
    path.parent.mkdir(exist_ok=True)
    table = pa.table(columns)
    (pa.csv.write_csv if path.suffix == ".csv" else pa.parquet.write_table)(table, path)
    return path


# as callers send them
ROWS = [[1.0, 150.5], [9.0, 300.0], [2.0, 90.0]]


def cleaned(rows: Any) -> Array:
    """Clean rows by hand."""
    X = np.array(rows)
    return np.column_stack([np.where(X[:, 0] == 9, 1.0, X[:, 0]), (X[:, 1] * 0.45359237 + 0.0).clip(50, 100)])
