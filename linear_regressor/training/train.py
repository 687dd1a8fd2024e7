"""Training from rows to artefact, on one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.save import save
from linear_regressor.data.dataset import Dataset
from linear_regressor.data.verify import verify
from linear_regressor.errors import QualityError, RateError
from linear_regressor.model.curvature import Curvature
from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.model.linear_regression import SimpleLinearRegression
from linear_regressor.model.moments import Moments
from linear_regressor.training import quantiles
from linear_regressor.training.card import card
from linear_regressor.training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Training:
    """What a training came to.

    Parameters
    ----------
    artefact : Artefact
        The model as serving will read it.
    model : SimpleLinearRegression
        The fitted estimator, with the loss at every step.
    rows, test : Dataset
        The rows it was trained on, and those it was tested on.
    evaluation : Evaluation
        Errors on the test rows.
    certificate : Certificate
        Distance from the best line on the training rows.
    """

    artefact: Artefact
    model: SimpleLinearRegression
    rows: Dataset
    test: Dataset
    evaluation: Evaluation
    certificate: Certificate


def train(data: Dataset, recipe: Recipe, path: Path, now: datetime) -> Training:
    """Train a model, judge it, and save it where it is good enough.

    Parameters
    ----------
    data : Dataset
        All rows; the last ``recipe.test_rows`` of them are kept for the test.
    recipe : Recipe
        The settings of the training.
    path : Path
        Where to save the model file; its card for people goes beside it.
    now : datetime
        The time to write on that card.

    Returns
    -------
    Training

    Raises
    ------
    DataError
        If the rows cannot be used.
    RateError
        If descent cannot converge at the learning rate; said before it starts.
    DivergenceError
        If stochastic descent leaves the range of float64.
    QualityError
        If R2 on the test rows is below ``recipe.min_r2``; then nothing is saved.
    ArtefactError
        If the model cannot be saved; an older one is left whole.
    """
    rows, test = verify(data, least_rows=2 * recipe.test_rows).split_last(recipe.test_rows)
    require_converging_rate(recipe.lr, rows)
    model = SimpleLinearRegression(recipe.iterations, recipe.lr, recipe.batch_size, recipe.random_state)
    model.fit(rows.X, rows.y)
    evaluation = Evaluation.of(Moments.from_arrays(test.X, test.y), model.W, model.b)
    certificate = Certificate.of(model.moments_, model.W, model.b)
    require_quality(evaluation, recipe.min_r2)
    facts = card(recipe, rows, model.lr_, evaluation, certificate)
    artefact = Artefact(rows.features, rows.target, model.W, model.b, model.moments_, rows.X.min(axis=0),
                        rows.X.max(axis=0), quantiles.table(model.moments_.n, model.moments_.p), facts)
    save(artefact, path, {"trained_at": now.isoformat(timespec="seconds")})
    return Training(artefact, model, rows, test, evaluation, certificate)


def require_converging_rate(lr: float | str, rows: Dataset) -> None:
    """Refuse a learning rate at which gradient descent on these rows cannot converge.

    Parameters
    ----------
    lr : float or "auto"
        The learning rate; ``"auto"`` is below the limit.
    rows : Dataset
        The rows to train on.

    Raises
    ------
    RateError
        If it is at or over ``2 / lambda_max``; the message names both and the safe rate.
    """
    curvature = Curvature.of(Moments.from_arrays(rows.X, rows.y))
    if lr != "auto" and float(lr) >= curvature.rate_limit:
        raise RateError(f"a learning rate of {float(lr):g} cannot converge on these data: it must be below "
                        f"{curvature.rate_limit:.6g}; 'auto' uses {curvature.safe_rate:.6g}")


def require_quality(evaluation: Evaluation, min_r2: float) -> None:
    """Refuse a model that is worse than asked for.

    Parameters
    ----------
    evaluation : Evaluation
        Errors on the test rows.
    min_r2 : float
        The least R2.

    Raises
    ------
    QualityError
        If R2 is below it.
    """
    if evaluation.r2 < min_r2:
        raise QualityError(f"R2 on the {evaluation.rows:g} test rows is {evaluation.r2:.4f}, below the least that was "
                           f"asked for, {min_r2:g}: nothing was saved")
