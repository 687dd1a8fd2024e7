"""FastAPI, with the types of its documentation."""

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

MODEL = joblib.load("model.joblib")
app = FastAPI()


class Batch(BaseModel):
    """Rows."""

    instances: list[list[float]]


class Predictions(BaseModel):
    """A number for each row."""

    predictions: list[float]


@app.post("/batch")
def batch(body: Batch) -> Predictions:
    """Predict many records."""
    return Predictions(predictions=MODEL.predict(body.instances).tolist())
