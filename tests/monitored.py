"""Models with a store of feedback and a record of traffic, unchanged or changed at a known row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.artefact.profile import Profile
from linear_regressor.model.histogram import FineHistogram
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.feedback import Feedback
from linear_regressor.monitoring.store.feedback_store import FeedbackStore
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from linear_regressor.monitoring.traffic import TrafficSummary
from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.monitoring.traffic_folder import WorkerFiles
from linear_regressor.monitoring.traffic_series import TrafficSeries
from linear_regressor.training.config import quantile_table

Array = NDArray[np.float64]

SLOPES, INTERCEPT = np.array([2.0, -1.0]), 5.0
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = 60.0


def rows(random: np.random.Generator, n: int, shift: float = 0.0, spread: float = 1.0) -> tuple[Array, Array]:
    """Rows of two features and a target, whose intercept and errors may differ from those of training."""
    X = random.normal(size=(n, 2))
    return X, X @ SLOPES + INTERCEPT + shift + spread * random.normal(size=n)


def model(random: np.random.Generator, n: int = 353) -> Artefact:
    """Train a model whose file has bins of its features."""
    X, y = rows(random, n)
    moments = Moments.from_arrays(X, y)
    coarse = [FineHistogram.of(column).coarse() for column in X.T]
    profile = Profile(tuple(one.edges for one in coarse), tuple(one.counts for one in coarse), 0.136)
    return Artefact(("price", "age"), "sales", *moments.solve(), moments, X.min(axis=0), X.max(axis=0),
                    quantile_table(n, 2), {}, profile)


def new_store(path: Path) -> FeedbackStore:
    """Make an empty store."""
    url = f"sqlite:///{path}"
    migrate(StoreLocation.parse(url))
    return open_store(url)


def report_back(store: FeedbackStore, artefact: Artefact, X: Array, y: Array, principal: str | None = None,
                start: datetime = NOON) -> None:
    """Store feedback, fifty rows a minute."""
    store.require_columns(artefact.features, artefact.target)
    for place in range(0, len(y), 50):
        outcome = store.add(Feedback(X[place:place + 50], y[place:place + 50], f"{principal}-{start}-{place}",
                                     principal, artefact.digest, start.timestamp() + MINUTE * place / 50))
        assert outcome == "stored"
    store.close()  # it connects again when it is used


def traffic_of(artefact: Artefact, *parts: Array, start: datetime = NOON) -> TrafficFile:
    """Record answered rows, one part a minute."""
    profile = artefact.profile
    assert profile is not None
    centre = artefact.moments.x_mean
    series = TrafficSeries.empty()
    for place, X in enumerate(parts):
        series += TrafficSeries.at(start.timestamp() + MINUTE * place, TrafficSummary.of(X, centre, profile.edges))
    return TrafficFile(artefact.digest, artefact.features, centre, profile.edges, series, 0, {})


def fill_folder(folder: Path, traffic: TrafficFile) -> None:
    """Write what a worker that has ended would have left in TRAFFIC_FOLDER."""
    files = WorkerFiles(folder, traffic.model)
    files.write("closed", traffic, 1)
    files.close()


def drifted(folder: Path, random: np.random.Generator, principals: tuple[str | None, ...] = (None,)) -> Artefact:
    """Make a model file, a store and a traffic folder in which line, intervals and inputs have changed."""
    made, store = model(random), new_store(folder / "feedback.db")
    save(made, folder / "model.joblib", {})
    for hour, (shift, spread) in ((0, (0.0, 1.0)), (12, (1.0, 1.5))):
        for place, principal in enumerate(principals):
            report_back(store, made, *rows(random, 1000, shift, spread), principal,
                        NOON + timedelta(hours=hour + place))
    store.close()
    parts = [random.normal(size=(100, 2)) + (minute >= 20) * np.array([1.0, 0.0]) for minute in range(40)]
    fill_folder(folder / "traffic", traffic_of(made, *parts))
    return made
