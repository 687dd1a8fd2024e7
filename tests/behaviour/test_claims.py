"""What ``check`` says of all rows holds for rows drawn at random, and the stated limits are attained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.model.inference import predict
from linear_regressor.training.check_model import check_model
from linear_regressor.verification.behaviour import Behaviour
from tests.behaviour.models import Array, check, exact, plane, schema, trained
from tests.tables import rows_of


def predictions(artefact: Artefact, X: Array) -> Array:
    """As serving computes them."""
    return predict(X, artefact.W, artefact.b)


def test_a_direction_holds_for_any_two_rows(tmp_path: Path) -> None:
    """Rows far outside of training, too: the larger value has the larger prediction, or the smaller one."""
    path, artefact = plane(tmp_path)
    done, results = check(path, "--schema", schema(tmp_path, {"direction": {"age": "increasing", "bmi": "decreasing"}}))
    random = np.random.default_rng(1)
    X = random.normal(size=(1000, 2)) * 1e4
    for place, (name, sign) in enumerate({"age": 1, "bmi": -1}.items()):
        moved = X.copy()
        moved[:, place] += random.uniform(1e-3, 1e4, size=1000)
        assert (sign * (predictions(artefact, moved) - predictions(artefact, X)) > 0).all()
        assert results["direction", name]["value"] > 0.9999
    assert 0 == done.exit_code


def test_no_prediction_moves_by_more_than_stated_and_the_ends_of_the_range_do(tmp_path: Path) -> None:
    """The other feature has any value."""
    path, artefact = plane(tmp_path)
    _, results = check(path, "--schema", schema(tmp_path, {"invariant": {"bmi": 1000}}))
    stated = results["invariant", "bmi"]["value"]
    (_, _), (least, largest) = artefact.limits
    assert least is not None and largest is not None
    random = np.random.default_rng(2)
    a, b = random.uniform(least, largest, size=(2, 1000))
    a[0], b[0] = least, largest
    age = random.normal(size=1000) * 1e3
    moves = np.abs(predictions(artefact, np.column_stack([age, a])) - predictions(artefact, np.column_stack([age, b])))

    assert (moves <= stated * (1 + 1e-9)).all()
    assert moves[0] == pytest.approx(stated, rel=1e-9)


@pytest.mark.parametrize("minimum", [None, -7.0])
def test_the_range_is_the_declared_one_and_otherwise_that_of_training(tmp_path: Path, minimum: float | None) -> None:
    """Each end on its own."""
    path, artefact = plane(tmp_path)
    columns = [{"name": "age", "kind": "number", "minimum": minimum, "maximum": 200.0},
               {"name": "bmi", "kind": "number"}]
    _, results = check(path, "--schema", schema(tmp_path, {"invariant": {"age": 1000}}, columns))
    least = artefact.limits[0][0] if minimum is None else minimum

    assert least is not None
    assert results["invariant", "age"]["value"] == pytest.approx(artefact.W[0] * (200.0 - least), rel=1e-12)


@pytest.mark.parametrize("seed", [3, 4])
def test_the_confidence_is_one_minus_the_one_sided_p_value_of_scipy(seed: int) -> None:
    """In both directions."""
    random = np.random.default_rng(seed)
    x = random.normal(size=12)
    y = 0.3 * x + random.normal(size=12)
    artefact = exact(np.column_stack([x, y]))
    one_sided = (("increasing", stats.linregress(x, y, alternative="greater").pvalue),
                 ("decreasing", stats.linregress(x, y, alternative="less").pvalue))
    for direction, expected in one_sided:
        behaviour = Behaviour.from_plain({"direction": {"x0": direction}, "confidence": 0.5}, ["x0"])
        (result, _) = check_model(artefact, behaviour, {})
        assert result.value == pytest.approx(1 - expected, rel=1e-9)
        assert result.holds == (expected < 0.5)


def test_a_feature_without_effect_rarely_passes_a_confidence_of_95_percent() -> None:
    """In 1,000 trainings it passes in one of two directions in 10 %."""
    random = np.random.default_rng(5)
    both = [Behaviour.from_plain({"direction": {"x0": wanted}}, ["x0"]) for wanted in ("increasing", "decreasing")]
    passed = 0
    for _ in range(1000):
        artefact = exact(random.normal(size=(30, 2)))
        passed += sum(check_model(artefact, behaviour, {})[0].holds for behaviour in both)

    assert 70 <= passed <= 130  # three standard deviations


@pytest.mark.parametrize("options", [(), ("--batch-size", "32", "--iterations", "100", "--lr", "0.01")],
                         ids=["full batch", "mini-batches"])
@pytest.mark.parametrize("change", ["order", "repeated"])
def test_training_on_the_same_rows_otherwise_moves_predictions_by_no_more_than_both_state(
        tmp_path: Path, change: str, options: tuple[str, ...]) -> None:
    """In another order, and with each row in three files; root mean square over the training rows."""
    rows = rows_of(6, 300)
    other = trained(tmp_path / "b", np.random.default_rng(7).permutation(rows), *options) if change == "order" else (
        trained(tmp_path / "b", rows, *options, "--allow-duplicates", copies=3))
    paths = [trained(tmp_path / "a", rows, *options), other]
    a, b = map(load, paths)
    apart = float(np.sqrt(np.mean((predictions(a, rows[:, :2]) - predictions(b, rows[:, :2])) ** 2)))
    stated = [check(path)[1]["order", None]["value"] for path in paths]
    print("apart", apart, "stated", stated)

    # each run keeps its own rows for the test, chosen by hash: the same ones
    assert b.moments.n == pytest.approx(a.moments.n * (1 if change == "order" else 3))
    training = a.moments
    D = a.W - b.W
    at_mean = a.b - b.b + float(D @ training.x_mean)
    on_training = float(np.sqrt(D @ training.A @ D / training.n + at_mean ** 2))
    assert on_training <= sum(stated) + 1e-9
    if options:
        assert on_training > 1e-6  # the order matters to mini-batches, so that the sentence above could be false
