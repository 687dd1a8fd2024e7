"""The model card: what people ask of a model, as plain values."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from linear_regressor.data.dataset import Dataset
from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.training.recipe import Recipe

# Packages whose version can change the last digits of a model.
PACKAGES = ("linear-regressor", "numpy", "scikit-learn", "scipy")


def card(recipe: Recipe, rows: Dataset, lr: float, evaluation: Evaluation, certificate: Certificate) -> dict[str, Any]:
    """Gather what decides the model and what came of it; nothing that differs between two equal trainings.

    Parameters
    ----------
    recipe : Recipe
        The settings of the training.
    rows : Dataset
        The rows it was trained on.
    lr : float
        The learning rate that was used.
    evaluation : Evaluation
        Errors on the test rows.
    certificate : Certificate
        Distance from the best line on the training rows.

    Returns
    -------
    dict
        Numbers, strings, lists and dicts with string keys.
    """
    settings = {**asdict(recipe), "features": list(recipe.features), "lr_used": lr}
    return {"settings": settings,
            "data": {"rows": rows.rows, "target": rows.target},
            "metrics": {"test": asdict(evaluation), "training": asdict(certificate)},
            "environment": {"python": platform.python_version(), "machine": platform.machine(),
                            **{name: version(name) for name in PACKAGES}}}
