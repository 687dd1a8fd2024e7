"""The model card: what people ask of a model, as plain values."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.model.moments import Moments
from linear_regressor.training.recipe import Recipe

# Packages whose version can change the last digits of a model.
PACKAGES = ("linear-regressor", "numpy", "scikit-learn", "scipy")


def card(recipe: Recipe, moments: Moments, target: str, lr: float, evaluation: Evaluation,
         certificate: Certificate) -> dict[str, Any]:
    """Gather what decides the model and what came of it; nothing that differs between two equal trainings.

    Parameters
    ----------
    recipe : Recipe
        The settings of the training.
    moments : Moments
        Moments of the rows it was trained on.
    target : str
        Name of the target.
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
            "data": {"rows": int(moments.n), "target": target},
            "metrics": {"test": asdict(evaluation), "training": asdict(certificate)},
            "environment": environment()}


def environment() -> dict[str, str]:
    """Tell what can change the last digits of a model.

    Returns
    -------
    dict
        Versions of Python and of packages, and the kind of machine.

    Examples
    --------
    >>> sorted(environment())
    ['linear-regressor', 'machine', 'numpy', 'python', 'scikit-learn', 'scipy']
    """
    return {"python": platform.python_version(), "machine": platform.machine(),
            **{name: version(name) for name in PACKAGES}}
