"""Fit the line with scikit-learn and save it as a server reads it: ``python save_model.py PEER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression


def main(peer: str) -> None:
    """Save it in this folder."""
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(X[:-20, [2]], y[:-20])
    if peer == "mlflow":
        import mlflow.sklearn

        # the requirements are named, because finding them takes long
        mlflow.sklearn.save_model(model, "model", pip_requirements=["scikit-learn"])
        return
    joblib.dump(model, "model.joblib")
    if peer == "mlserver":
        Path("model-settings.json").write_text(json.dumps({
            "name": "line", "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": "./model.joblib"}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
