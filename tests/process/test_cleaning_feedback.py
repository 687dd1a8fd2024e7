"""Feedback on a model with cleaning steps: through a real server into a store, and from there into the next model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.artefact.file import load
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.model.moments import Moments
from tests.cleaned import REPEATED, SCHEMA, Cleaned, cleaned
from tests.command_line import run
from tests.postgresql import postgresql_server
from tests.running_server import start

SEED = 7  # all rows are learned from unless there is an alarm, which a new seed may raise by chance


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store."""
    with ExitStack() as stack:
        url = (f"sqlite:///{tmp_path / 'feedback.db'}" if request.param == "sqlite"
               else stack.enter_context(postgresql_server()).url)
        assert run("store", "migrate", "--store", url).exit_code == 0
        yield url


def test_a_retrained_model_equals_training_on_all_rows_cleaned_by_hand(store: str, tmp_path: Path) -> None:
    """To 1e-9, from raw rows over HTTP; the next model has the steps, and serves raw rows, too."""
    random = np.random.default_rng(SEED)
    world, models = Cleaned(tmp_path, SCHEMA.replace(REPEATED, "")), tmp_path / "models"
    world.train()
    promoted = run("models", "promote", world.model, "--models", models, "--force", "the first one")
    assert promoted.exit_code == 0, promoted.output
    X = np.column_stack([random.choice([1.0, 2.0, 9.0], 300), random.uniform(80, 260, 300)])
    kg = cleaned(X)
    y = kg[:, 0] * 30 + X[:, 1] * 4.5359237 + random.normal(0, 10, 300)
    server = start(models, environment={"STORE": store})
    try:
        for part in (slice(first, first + 50) for first in range(0, 300, 50)):
            body = {"instances": X[part].tolist(), "actuals": y[part].tolist()}
            assert server.request("POST", "/feedback", json.dumps(body).encode())[0] == 202
    finally:
        server.stop()
    done = run("retrain", "--models", models, "--store", store, "--schema", world.schema, "--force", "a test", "--json")
    assert done.exit_code == 0, done.output
    server = start(models)
    try:
        answer = json.loads(server.request("POST", "/batch", json.dumps({"instances": X.tolist()}).encode())[1])
    finally:
        server.stop()

    history = ModelHistory.of(str(models))
    model, first = history.load(str(history.champion())), load(world.model)
    verification = json.loads(done.stdout)["retraining"]["verification"]
    assert (verification["findings"], verification["rows"]) == ([], 300)
    assert model.digest != first.digest and model.cleaning == first.cleaning != ()
    by_hand = load(world.by_hand).moments + Moments.from_arrays(kg, y * 0.1 + 2)
    assert model.moments.n == by_hand.n == len(world.kept) - round(first.card["metrics"]["test"]["rows"]) + 300
    W, b = by_hand.solve()
    assert [*model.W, model.b] == pytest.approx([*W, b], rel=1e-9)
    assert answer["predictions"] == pytest.approx((kg @ W + b).tolist(), rel=1e-9)
    assert model.limits == [(1.0, 2.0), (50.0, 100.0)]
