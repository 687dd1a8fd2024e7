"""Training from rows to artefact, on one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.save import save
from linear_regressor.data.dataset import Dataset
from linear_regressor.data.verify import verify
from linear_regressor.errors import QualityError
from linear_regressor.model.aggregate import Aggregate
from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.model.linear_regression import SimpleLinearRegression
from linear_regressor.model.moments import Moments
from linear_regressor.training import quantiles
from linear_regressor.training.card import card
from linear_regressor.training.rate import require_converging_rate
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
        The rows it was trained on, and those it was tested on; of a stream the first of each.
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
    require_converging_rate(recipe.lr, Moments.from_arrays(rows.X, rows.y), recipe.standardize)
    model = estimator(recipe).fit(rows.X, rows.y)
    training = Aggregate(model.moments_, *rows.limits)
    return conclude(model, recipe, training, Moments.from_arrays(test.X, test.y), rows, test, path, now)


def estimator(recipe: Recipe) -> SimpleLinearRegression:
    """Make the estimator that a recipe asks for.

    Parameters
    ----------
    recipe : Recipe
        The settings of the training.

    Returns
    -------
    SimpleLinearRegression
        Not fitted yet.

    Examples
    --------
    >>> estimator(Recipe(lr="auto")).lr
    'auto'
    """
    return SimpleLinearRegression(recipe.iterations, recipe.lr, recipe.batch_size, recipe.random_state,
                                  recipe.standardize)


def conclude(model: SimpleLinearRegression, recipe: Recipe, training: Aggregate, tested: Moments, rows: Dataset,
             test: Dataset, path: Path, now: datetime) -> Training:
    """Judge a fitted model, and save it where it is good enough.

    Parameters
    ----------
    model : SimpleLinearRegression
        The fitted estimator.
    recipe : Recipe
        The settings of the training.
    training : Aggregate
        Moments and limits of the training rows.
    tested : Moments
        Moments of the test rows.
    rows, test : Dataset
        The training and the test rows, or some of them.
    path : Path
        Where to save the model file; its card for people goes beside it.
    now : datetime
        The time to write on that card.

    Returns
    -------
    Training

    Raises
    ------
    QualityError
        If R2 on the test rows is below ``recipe.min_r2``; then nothing is saved.
    ArtefactError
        If the model cannot be saved; an older one is left whole.
    """
    moments = training.moments
    evaluation = Evaluation.of(tested, model.W, model.b)
    certificate = Certificate.of(moments, model.W, model.b)
    require_quality(evaluation, recipe.min_r2)
    facts = card(recipe, moments, rows.target, model.lr_, evaluation, certificate)
    minimum, maximum = (None if limit is None else limit[:-1] for limit in (training.minimum, training.maximum))
    artefact = Artefact(rows.features, rows.target, model.W, model.b, moments, minimum, maximum,
                        quantiles.table(moments.n, moments.p), facts)
    save(artefact, path, {"trained_at": now.isoformat(timespec="seconds")})
    return Training(artefact, model, rows, test, evaluation, certificate)


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
        raise QualityError(f"R2 on the {evaluation.rows:.0f} test rows is {evaluation.r2:.4f}, below the least that "
                           f"was asked for, {min_r2:g}: nothing was saved")
