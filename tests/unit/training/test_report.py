"""The training report."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from linear_regressor.data.dataset import Dataset, read_diabetes
from linear_regressor.model.inference import FitStatistics
from linear_regressor.training import report
from linear_regressor.training.config import TrainingConfig
from linear_regressor.training.train import Training, train

NOW = datetime(2001, 2, 3, tzinfo=UTC)


def texts(figure: Figure) -> str:
    """The texts in title, axes and legend of a figure."""
    axes = figure.axes[0]
    legend = axes.get_legend()
    labels = [text.get_text() for text in legend.get_texts()] if legend else []
    return "; ".join([figure.get_suptitle(), axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), *labels])


@pytest.fixture
def trained(tmp_path: Path) -> Training:
    """Train with the default configuration."""
    return train(read_diabetes(["bmi"]), TrainingConfig(), tmp_path / "model", NOW)


def test_both_images_are_drawn(trained: Training, tmp_path: Path) -> None:
    """They are PNG files of many colours, in a new folder."""
    paths = report.write(trained, tmp_path / "new" / "reports")

    assert ["fit.png", "losses.png"] == [path.name for path in paths]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert len(np.unique(imread(path).reshape(-1, 4), axis=0)) > 20


def test_the_line_and_its_band_are_those_of_the_model(trained: Training) -> None:
    """The band is t s sqrt(1 + h) about the line, over all points."""
    axes = report.draw_fit(trained).axes[0]
    x, y = (np.asarray(values, dtype=np.float64) for values in axes.lines[0].get_data())
    statistics = FitStatistics(trained.artefact.moments, trained.fit.W, trained.fit.b)
    lower, upper = statistics.at(x[:, None]).interval(trained.artefact.quantiles["t"][3])
    band = axes.collections[-1].get_paths()[0].get_extents()

    np.testing.assert_allclose(x * trained.fit.W[0] + trained.fit.b, y)
    np.testing.assert_allclose([x[0], lower.min(), x[-1], upper.max()], band.extents)
    rows, _ = trained.shown
    assert x[0] <= rows.X.min() and x[-1] >= rows.X.max()
    assert "bmi; disease_progression; 422 training rows; 20 test rows; fitted line; 95% prediction band" in texts(
        report.draw_fit(trained))


def test_several_features_are_drawn_as_observed_over_predicted_values(tmp_path: Path) -> None:
    """A line over several features cannot be drawn."""
    training = train(read_diabetes(["bmi", "bp"]), TrainingConfig(("bmi", "bp")), tmp_path / "model", NOW)

    figure = report.draw_fit(training)

    assert "bmi, bp and disease_progression" in texts(figure)
    assert "predicted disease_progression; observed disease_progression" in texts(figure)
    assert "95% prediction band" in texts(figure)


@pytest.mark.parametrize("features", [("three",), ("a", "three")], ids=["alone", "beside another"])
def test_a_model_without_statistics_is_drawn_without_a_band(tmp_path: Path, features: tuple[str, ...],
                                                            random: np.random.Generator) -> None:
    """A constant column has no interval; the title gives the reason."""
    y = random.normal(size=100)
    columns = {"a": y + 1.0, "three": np.full(100, 3.0)}
    data = Dataset(np.column_stack([columns[name] for name in features]), y, features, "y")

    figure = report.draw_fit(train(data, TrainingConfig(features, lr="auto", min_r2=-9.0), tmp_path / "model", NOW))

    assert "no prediction band: statistics of the fit are not available: a column is constant" in texts(figure)
    assert "95% prediction band" not in texts(figure)


@pytest.mark.parametrize("count", [2, 500, 100_000])
def test_the_curve_goes_from_the_first_loss_to_the_last(count: int) -> None:
    """In at most 500 points."""
    losses = np.linspace(5.0, 1.0, count)

    steps, drawn = report.draw_losses(np.arange(float(count)), losses).axes[0].lines[0].get_data()

    assert (1, count) == (np.min(steps), np.max(steps))
    np.testing.assert_array_equal(losses[np.asarray(steps, dtype=np.int64) - 1], drawn)
    assert len(np.asarray(steps)) <= 500
