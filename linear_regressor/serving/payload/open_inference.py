"""Bodies of the Open Inference Protocol (KServe V2): tensors in, tensors asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.payload.document import read_document
from linear_regressor.serving.payload.faults import Fault, InvalidPayload, refuse
from linear_regressor.serving.payload.number_arrays import set_aside
from linear_regressor.serving.payload.parse import Members
from linear_regressor.serving.payload.room import one_large_body_at_a_time
from linear_regressor.serving.payload.signature import Signature
from linear_regressor.serving.payload.tensor import TENSOR, TEXT, Tensor, read_tensor
from linear_regressor.serving.payload.validate import Shape, object_shape
from linear_regressor.serving.payload.wanted import (DEFAULT_INTERVAL_LEVEL, DEFAULT_RANGE_LEVEL, TRUTH, Wanted,
                                                     level_shape, parameter_shapes, wanted_of)

Array = NDArray[np.float64]

# What can be asked for by name, and the statistic that each belongs to.
PREDICTION = "predict"
INTERVAL, RANGE, EXPLANATION = ("lower", "upper", "se"), ("leverage", "t2", "out_of_range"), ("contributions",)
OUTPUTS = (PREDICTION, *INTERVAL, *RANGE, *EXPLANATION)


class InferenceRequest(NamedTuple):
    """A request that was found right.

    Parameters
    ----------
    id : str or None
        The caller's name for it.
    rows : ndarray of shape (rows, p), float64
        Finite.
    pointer : str
        Where a row stood, ``{}`` standing for its number.
    outputs : tuple of str
        Names of the tensors to answer with.
    wanted : Wanted
        The statistics that takes.
    """

    id: str | None
    rows: Array
    pointer: str
    outputs: tuple[str, ...]
    wanted: Wanted


@lru_cache(maxsize=4)  # of the few models that a process ever serves
def inference_shape(levels: tuple[float, ...]) -> Shape:
    """Make the shape of ``{"id", "parameters", "inputs": [...], "outputs": [...]}``.

    Parameters
    ----------
    levels : tuple of float
        Levels that parameters may name.

    Returns
    -------
    Shape

    Examples
    --------
    >>> inference_shape(()).schema["required"]
    ['inputs']
    """
    output = object_shape({"name": Shape(_output_faults, {"enum": list(OUTPUTS)}),
                           "parameters": object_shape({"binary_data": TRUTH, "content_type": TEXT})}, ("name",))
    parameters = {**parameter_shapes(levels), "binary_data_output": TRUTH, "content_type": TEXT}
    # KServe's own client repeats the model in the body; the path has said which one is meant.
    return object_shape({"id": TEXT, "model_name": TEXT, "model_version": TEXT,
                         "parameters": object_shape(parameters), "inputs": _array_of(TENSOR, least=1),
                         "outputs": _array_of(output, least=0)}, required=("inputs",))


def read_inference(body: bytes, signature: Signature, fast: bool = True) -> InferenceRequest:
    """Read a request for inference.

    Its input is one tensor of all features, of shape [rows, p] (with one feature also [rows]) and of any name, or one
    tensor a feature, named like it, of shape [rows] or [rows, 1].

    Parameters
    ----------
    body : bytes
        The body of a request.
    signature : Signature
        What the model takes.
    fast : bool
        Whether to read long arrays with the fast parser where it is installed.

    Returns
    -------
    InferenceRequest

    Raises
    ------
    InvalidPayload
        Naming up to 20 faults.

    Examples
    --------
    >>> body = b'{"inputs": [{"name": "bmi", "shape": [2, 1], "datatype": "FP64", "data": [0.5, -1]}]}'
    >>> request = read_inference(body, Signature(("bmi",), max_rows=10))
    >>> request.rows.tolist(), request.outputs
    ([[0.5], [-1.0]], ('predict',))
    """
    aside = set_aside(body, signature.width) if fast else None
    if aside is not None:
        try:
            return _read(aside.rest, signature, aside.arrays)
        except InvalidPayload:
            pass  # the careful reading names every fault, and where it stands
    return _read(body, signature, None)


@one_large_body_at_a_time
def _read(body: bytes, signature: Signature, arrays: list[Array] | None) -> InferenceRequest:
    """Read a request whose data stand in the body, or were taken out of it."""
    given = read_document(body, inference_shape(signature.levels), 'the member "inputs"')
    values = [None] * len(given["inputs"]) if arrays is None else arrays
    if len(values) != len(given["inputs"]):
        raise InvalidPayload([Fault("#/inputs", "wrong_length", "must each have data")])
    tensors = [read_tensor(members, f"#/inputs/{index}", numbers)
               for index, (members, numbers) in enumerate(zip(given["inputs"], values, strict=True))]
    refuse(_inputs_faults(tensors, signature))
    named = tuple(dict(output)["name"] for output in given.get("outputs", []))
    parameters = [(name, value) for name, value in given.get("parameters", []) if name in Wanted._fields]
    outputs, wanted = _asked_for(named, wanted_of(parameters), signature.levels)
    return InferenceRequest(given.get("id"), _matrix(tensors, signature), _pointer(tensors, signature), outputs, wanted)


def _inputs_faults(tensors: list[Tensor], signature: Signature) -> Iterator[Fault]:
    """Name what keeps the tensors from being rows of the model's features."""
    rows = tensors[0].shape[0]
    if rows > signature.max_rows:
        yield Fault("#/inputs/0/shape", "too_many_rows", f"must have at most {signature.max_rows} rows")
    elif len(tensors) > 1:
        yield from _columns_faults(tensors, signature)
    elif tensors[0].shape != (rows, signature.width) and (signature.width > 1 or len(tensors[0].shape) > 1):
        yield Fault("#/inputs/0/shape", "wrong_shape", f"must be [rows, {signature.width}]")


def _columns_faults(tensors: list[Tensor], signature: Signature) -> Iterator[Fault]:
    """Name what keeps the tensors from being one column a feature."""
    features = ", ".join(signature.features)
    rows, seen = tensors[0].shape[0], set()
    for index, tensor in enumerate(tensors):
        if tensor.name not in signature.features:
            yield Fault(f"#/inputs/{index}/name", "unknown_column", f"must be one of the features {features}")
        elif tensor.name in seen:
            yield Fault(f"#/inputs/{index}/name", "duplicate_column", "must be given once")
        if tensor.shape not in ((rows,), (rows, 1)):
            yield Fault(f"#/inputs/{index}/shape", "wrong_shape", f"must be [{rows}, 1] or [{rows}], as the first")
        seen.add(tensor.name)
    for name in signature.features:
        if name not in seen:
            yield Fault("#/inputs", "missing_column", f"must have a tensor named {name}")


def _matrix(tensors: list[Tensor], signature: Signature) -> Array:
    """Put the rows together, features in the order of the model."""
    if len(tensors) == 1:
        return tensors[0].values.reshape(-1, signature.width)
    columns = {tensor.name: tensor.values for tensor in tensors}
    return np.column_stack([columns[name] for name in signature.features])


def _pointer(tensors: list[Tensor], signature: Signature) -> str:
    """Say where a row stands; one that is spread out has no pointer of its own."""
    if len(tensors) == 1 and (signature.width == 1 or tensors[0].nested):
        return "#/inputs/0/data/{}"
    return "#/inputs row {}"


def _asked_for(named: tuple[str, ...], wanted: Wanted, levels: tuple[float, ...]) -> tuple[tuple[str, ...], Wanted]:
    """Choose outputs by the parameters where none is named; where some are, give them the level they take."""
    if not named:
        by_parameter = ((wanted.interval, INTERVAL), (wanted.range, RANGE), (wanted.explain, EXPLANATION))
        return (PREDICTION, *(name for asked, names in by_parameter if asked for name in names)), wanted
    interval = (wanted.interval or DEFAULT_INTERVAL_LEVEL) if set(named) & set(INTERVAL) else None
    range_level = (wanted.range or DEFAULT_RANGE_LEVEL) if set(named) & set(RANGE) else None
    for level in filter(None, (interval, range_level)):
        refuse(level_shape(levels)(level, "#/outputs"))
    return named, Wanted(interval, bool(set(named) & set(EXPLANATION)), range_level)


def _output_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name an output that there is none of."""
    if not isinstance(value, str) or value not in OUTPUTS:
        yield Fault(at, "unknown_output", f"must be one of {', '.join(OUTPUTS)}")


def _array_of(item: Shape, least: int) -> Shape:
    """Make the shape of an array of at least so many items."""
    def faults(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, list) or isinstance(value, Members):
            yield Fault(at, "not_an_array", "must be an array")
        elif len(value) < least:
            yield Fault(at, "empty", f"must have at least {least}")
        else:
            for index, member in enumerate(value):
                yield from item(member, f"{at}/{index}")

    return Shape(faults, {"type": "array", "items": item.schema, "minItems": least})
