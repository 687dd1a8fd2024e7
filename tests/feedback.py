"""A model with history and a feedback store, for tests of retraining: rows about a line, which may move."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.feedback import Feedback
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from tests.command_line import run

Array = NDArray[np.float64]
Rows = tuple[Array, Array]


def draw(random: np.random.Generator, rows: int, shift: float = 0.0) -> Rows:
    """Draw rows about ``y = 3 a - 2 b + 1``, or above it."""
    X = random.normal(5.0, 2.0, size=(rows, 2))
    return X, X @ [3.0, -2.0] + 1.0 + shift + random.normal(size=rows)


def trained(path: Path, *parts: Rows) -> Artefact:
    """Train a model on rows that satisfy their schema, which is beside it, by the command line."""
    X, y = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    data = path.with_suffix(".csv")
    np.savetxt(data, np.column_stack([X, y]), delimiter=",", header="a,b,y", comments="", fmt="%.17g")
    schema = path.with_suffix(".yaml")
    done = run("verify", data, "--schema", schema, "--learn")
    assert done.exit_code == 0, done.output
    done = run("train", "--data", data, "--features", "a,b", "--target", "y", "--test-fraction", "0.2",
               "--schema", schema, "--model-save-path", path)
    assert done.exit_code == 0, done.output
    return load(path)


@dataclass(frozen=True)
class World:
    """A folder of models whose champion was trained on some rows, and a store of feedback."""

    models: Path
    store: str
    model: Artefact

    @classmethod
    def make(cls, folder: Path, random: np.random.Generator, rows: int = 500) -> World:
        """Train and promote a first model, and make an empty store."""
        folder.mkdir(exist_ok=True)
        model = trained(folder / "first.joblib", draw(random, rows))
        promoted = run("models", "promote", folder / "first.joblib", "--models", folder / "models")
        assert promoted.exit_code == 0, promoted.output
        store = f"sqlite:///{folder}/feedback.db"
        migrate(StoreLocation.parse(store))
        return cls(folder / "models", store, model)

    @property
    def history(self) -> ModelHistory:
        """Versions and promotions."""
        return ModelHistory.of(str(self.models))

    @property
    def champion(self) -> Artefact:
        """The model in use."""
        history = self.history
        return history.load(str(history.champion()))

    def post(self, rows: Rows, principal: str | None = None, size: int = 25) -> None:
        """Store rows as requests of a caller."""
        X, y = rows
        with closing(open_store(self.store)) as store:
            store.require_columns(self.model.features, self.model.target)
            for start in range(0, len(y), size):
                part = slice(start, start + size)
                key = f"{principal}-{float(y[start])!r}"
                assert store.add(Feedback(X[part], y[part], key, principal, self.model.digest)) == "stored"
