"""The same rows are the same data in every format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from linear_regressor.cli import main
from linear_regressor.tables.content_digest import read_content
from tests.data_sets import rows, saved

OTHERS = ("rows.csv", "rows.ndjson", "rows.json", "indented.json", "rows.feather", "rows.arrows")


def written(table: pa.Table, folder: Path, name: str) -> Path:
    """Write rows in a format by the ending of the name."""
    if name.endswith(".json"):
        text = json.dumps(table.to_pylist(), indent=2 if name.startswith("indented") else None)
        (folder / name).write_text(text)
    elif name.endswith(".arrows"):
        with pa.ipc.new_stream(str(folder / name), table.schema) as stream:
            stream.write_table(table, max_chunksize=100)
    else:
        saved(table, folder / name)
    return folder / name


@pytest.mark.parametrize("name", OTHERS)
def test_the_same_rows_give_the_same_model_and_the_same_digest(tmp_path: Path, random: np.random.Generator,
                                                               name: str) -> None:
    """As in Parquet; the card beside the model names the file, so it is not compared."""
    table = rows(random, 400)
    paths = [written(table, tmp_path, each) for each in ("rows.parquet", name)]
    models = []
    for path in paths:
        models.append(tmp_path / f"{path.name}.joblib")
        with pytest.raises(SystemExit) as ended:
            main(["train", "--data", str(path), "--features", "x1,x2", "--target", "y", "--key", "id", "--lr", "auto",
                  "--model-save-path", str(models[-1])])
        assert ended.value.code == 0

    assert read_content(str(paths[0])).digest == read_content(str(paths[1])).digest
    assert models[0].read_bytes() == models[1].read_bytes()
