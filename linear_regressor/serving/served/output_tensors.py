"""The answer of the Open Inference Protocol: tensors by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.served.described import statistics_of
from linear_regressor.serving.payload.open_inference import OUTPUTS, PREDICTION, InferenceRequest
from linear_regressor.serving.served.served_model import ServedModel

Array = NDArray[np.float64]


def output_tensors(served: ServedModel, request: InferenceRequest, predictions: Array) -> list[dict[str, Any]]:
    """Make the tensors that a request asks for.

    Parameters
    ----------
    served : ServedModel
        The model that predicted.
    request : InferenceRequest
        The rows, and what is wanted of them.
    predictions : ndarray of shape (rows,), float64
        Their predictions.

    Returns
    -------
    list of dict
        ``name``, ``shape`` ([rows, 1], of contributions [rows, p]), ``datatype`` and flat ``data``.

    Raises
    ------
    InvalidPayload
        If the model cannot give a statistic.
    """
    columns: dict[str, NDArray[Any]] = {PREDICTION: predictions}
    if any(request.wanted):
        columns |= statistics_of(served, request.rows, request.wanted)
    if "interval" in columns:
        columns["lower"], columns["upper"] = columns["interval"].T
        columns["se"] = columns["standard_error"]
    return [_tensor(name, columns[name]) for name in request.outputs]


def _tensor(name: str, values: NDArray[Any]) -> dict[str, Any]:
    """Make one tensor."""
    return {"name": name, "shape": [len(values), values.size // len(values)], "datatype": datatype_of(name),
            "data": np.ascontiguousarray(values).reshape(-1)}


def output_metadata(width: int) -> list[dict[str, Any]]:
    """Describe every tensor that can be asked for.

    Parameters
    ----------
    width : int
        Number of features p.

    Returns
    -------
    list of dict
        ``name``, ``datatype`` and ``shape``, -1 standing for the rows.

    Examples
    --------
    >>> output_metadata(2)[0]
    {'name': 'predict', 'datatype': 'FP64', 'shape': [-1, 1]}
    """
    return [{"name": name, "datatype": datatype_of(name), "shape": [-1, width if name == "contributions" else 1]}
            for name in OUTPUTS]


def datatype_of(name: str) -> str:
    """Give the datatype of an output.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    {"FP64", "BOOL"}

    Examples
    --------
    >>> datatype_of("predict"), datatype_of("out_of_range")
    ('FP64', 'BOOL')
    """
    return "BOOL" if name == "out_of_range" else "FP64"
