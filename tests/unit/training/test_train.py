"""Training on rows in memory."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error, r2_score

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.artefact.file import load
from linear_regressor.data.dataset import Dataset, read_diabetes
from linear_regressor.errors import ArtefactError, DataError, QualityError, RateError
from linear_regressor.training.config import TrainingConfig
from linear_regressor.training.train import Training, train

NOW = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
COMMITTED = Path(__file__).resolve().parents[3] / "models" / "simple_linear_regressor.joblib"


def train_on_diabetes(path: Path, config: TrainingConfig) -> Training:
    """Train on the built-in set."""
    return train(read_diabetes(config.features), config, path, NOW)


def test_the_default_configuration_gives_the_known_numbers(tmp_path: Path) -> None:
    """R2 0.47 on the last 20 rows, and a prediction of 163.2... for a bmi of 0.011."""
    training = train_on_diabetes(tmp_path / "model", TrainingConfig())

    assert (422, 20) == tuple(rows.rows for rows in training.shown)
    assert pytest.approx(0.47, abs=0.005) == training.evaluation.r2
    assert pytest.approx(163.2, abs=0.1) == 0.0110390390462862 * training.fit.W[0] + training.fit.b


def test_the_artefact_has_the_model_and_its_moments(tmp_path: Path) -> None:
    """The weights are those of the estimator, moments and limits those of the training rows."""
    config = TrainingConfig(features=("bmi", "bp"))
    data, test = read_diabetes(config.features).split_last(20)
    model = SimpleLinearRegression(random_state=0).fit(data.X, data.y)

    training = train_on_diabetes(tmp_path / "model", config)

    artefact = load(tmp_path / "model")
    np.testing.assert_array_equal(model.W, artefact.W)
    assert model.b == artefact.b
    assert Moments.from_arrays(data.X, data.y) == artefact.moments
    np.testing.assert_array_equal(data.X.min(axis=0), artefact.minimum)
    np.testing.assert_array_equal(data.X.max(axis=0), artefact.maximum)
    assert (("bmi", "bp"), "disease_progression") == (artefact.features, artefact.target)
    assert 8 == len(artefact.quantiles["t"])
    assert training.artefact.digest == artefact.digest
    assert pytest.approx(mean_squared_error(test.y, model.predict(test.X))) == training.evaluation.mean_squared_error
    assert pytest.approx(r2_score(test.y, model.predict(test.X))) == training.evaluation.r2


def test_the_certificate_is_the_distance_from_the_best_line(tmp_path: Path) -> None:
    """By that much the training loss of scikit-learn's least squares is lower."""
    training = train_on_diabetes(tmp_path / "model", TrainingConfig(iterations=3000, min_r2=-1.0))

    rows, _ = training.shown
    best = LinearRegression().fit(rows.X, rows.y)
    gap = (mean_squared_error(rows.y, rows.X @ training.fit.W + training.fit.b)
           - mean_squared_error(rows.y, best.predict(rows.X)))
    assert pytest.approx(gap, rel=1e-6) == training.certificate.gap


def test_the_same_configuration_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the training, the commit of the code and the location of the data are only in the JSON card."""
    data, commits = read_diabetes(["bmi"]), iter([{"code_commit": "1" * 40}, {}])
    monkeypatch.setattr("linear_regressor.training.train.code_facts", lambda: next(commits))

    train(data, TrainingConfig(), tmp_path / "one.joblib", NOW, "gs://***@bucket/rows.csv")
    train(data, TrainingConfig(), tmp_path / "two.joblib", NOW.replace(year=2002))

    assert (tmp_path / "one.joblib").read_bytes() == (tmp_path / "two.joblib").read_bytes()
    assert '"trained_at": "2001-02-03T04:05:06+00:00"' in (tmp_path / "one.card.json").read_text()
    assert '"trained_at": "2002-02-03T04:05:06+00:00"' in (tmp_path / "two.card.json").read_text()
    one, two = (json.loads((tmp_path / f"{name}.card.json").read_text()) for name in ("one", "two"))
    assert {"code_commit": "1" * 40, "data_location": "gs://***@bucket/rows.csv"} == {
        name: one[name] for name in one.keys() - two.keys()}


@pytest.mark.parametrize("change", [{"iterations": 14000}, {"lr": 0.2}, {"lr": "auto"}, {"batch_size": 422},
                                    {"batch_size": 100}, {"random_state": 1}], ids=str)
def test_every_setting_changes_the_weights(tmp_path: Path, change: dict[str, Any]) -> None:
    """None is ignored."""
    usual = train_on_diabetes(tmp_path / "usual", TrainingConfig(iterations=500, min_r2=-9.0))

    other = train_on_diabetes(tmp_path / "other", replace(TrainingConfig(iterations=500, min_r2=-9.0), **change))

    assert usual.artefact.W.tolist() != other.artefact.W.tolist()
    settings = load(tmp_path / "other").card["settings"]
    assert change == {name: settings[name] for name in change}


@pytest.mark.parametrize("batch_size", [None, 32])
@pytest.mark.parametrize("excess", [1.000001, 1.5])
def test_a_rate_that_cannot_converge_is_rejected_before_the_descent(tmp_path: Path, batch_size: int | None,
                                                                    excess: float) -> None:
    """The message has the rate and the limit; 10**8 passes would take days."""
    data, _ = read_diabetes(["bmi"]).split_last(20)
    limit = 2.0 / np.linalg.eigvalsh(Moments.from_arrays(data.X, data.y).hessian)[-1]
    config = TrainingConfig(lr=float(limit) * excess, batch_size=batch_size, iterations=10**8)

    with pytest.raises(RateError, match=f"a learning rate of {limit * excess:g} cannot converge .* below {limit:.6g}"):
        train_on_diabetes(tmp_path / "model", config)

    assert [] == list(tmp_path.iterdir())


def test_a_model_that_is_not_good_enough_is_not_saved(tmp_path: Path) -> None:
    """The old file stays, and the message has both numbers."""
    path = tmp_path / "model"
    path.write_text("old")

    with pytest.raises(QualityError, match=r"R2 on the 20 test rows is 0.4723, below .* 0.5: nothing was saved"):
        train_on_diabetes(path, TrainingConfig(min_r2=0.5))

    assert "old" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


def test_rows_that_cannot_be_used_are_rejected(tmp_path: Path) -> None:
    """Before anything is trained."""
    with pytest.raises(DataError, match="39 rows are too few: 40 are needed"):
        train(Dataset(np.ones((39, 1)), np.arange(39.0), ("a",), "y"), TrainingConfig(("a",)), tmp_path / "model", NOW)


def test_a_constant_column_does_not_prevent_training(tmp_path: Path, random: np.random.Generator) -> None:
    """The line is as good as without the column."""
    x = random.normal(size=100)
    data = Dataset(np.column_stack([x, np.full(100, 3.0)]), 2.0 * x + 1.0, ("a", "three"), "y")

    training = train(data, TrainingConfig(data.features, lr="auto"), tmp_path / "model", NOW)

    assert pytest.approx(1.0) == training.evaluation.r2


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Here one of its folders is a file."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ArtefactError, match="cannot write the model file .*file/model"):
        train_on_diabetes(tmp_path / "file" / "model", TrainingConfig())


def test_the_committed_model_is_the_result_of_training(tmp_path: Path) -> None:
    """To 1e-12 on any machine: whoever changes the model must commit it."""
    committed = load(COMMITTED)

    fresh = train_on_diabetes(tmp_path / "model", TrainingConfig()).artefact

    assert (fresh.features, fresh.target) == (committed.features, committed.target)
    for name in ("W", "b", "minimum", "maximum"):
        np.testing.assert_allclose(getattr(committed, name), getattr(fresh, name), rtol=1e-12)
    for part in ("n", "m", "C"):
        theirs, ours = getattr(committed.moments, part), getattr(fresh.moments, part)
        np.testing.assert_allclose(theirs, ours, rtol=1e-12, atol=1e-12 * np.abs(ours).max())
    for column in ("levels", "t", "f"):
        np.testing.assert_allclose(committed.quantiles[column], fresh.quantiles[column], rtol=1e-12)
