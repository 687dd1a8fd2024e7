"""The least that a Flask service with NumPy is: what our start is measured beside."""

from __future__ import annotations

import numpy as np
from flask import Flask, request

SLOPE = np.array([937.0])
INTERCEPT = 153.0

app = Flask(__name__)


@app.get("/ping")
def ping() -> dict[str, str]:
    """Answer that the process is up."""
    return {"message": "pong!"}


@app.post("/batch")
def batch() -> dict[str, list[float]]:
    """Answer with the values of a fixed line."""
    return {"predictions": (np.asarray(request.get_json()["instances"]) @ SLOPE + INTERCEPT).tolist()}
