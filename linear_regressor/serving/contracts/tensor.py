"""Requests and responses of the Open Inference Protocol: tensors with a name, a shape and a datatype."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from linear_regressor.serving.predictor.predictor import Prediction, Predictor
from linear_regressor.serving.predictor.statistics import TENSORS, options_for, tensors_for, tensors_of
from linear_regressor.serving.schema.encode import Array
from linear_regressor.serving.schema.fast_numbers import extract_arrays
from linear_regressor.serving.schema.faults import MAX_FAULTS, Fault, InvalidPayload, reject
from linear_regressor.serving.schema.json_parser import one_large_body_at_a_time
from linear_regressor.serving.schema.parameters import StatisticsOptions
from linear_regressor.serving.schema.rows import Signature, once_per_model
from linear_regressor.serving.schema.validation import (
    BOOLEAN,
    NUMBER,
    TEXT,
    Shape,
    is_array,
    number_faults,
    object_shape,
    one_of,
    read_document,
)

# Names of output tensors.
PREDICTION = "predict"
OUTPUTS = (PREDICTION, *TENSORS)


class Datatype(NamedTuple):
    """The numbers of a datatype: from ``least`` up to, but not including, ``end``."""

    least: float
    end: float
    whole: bool
    detail: str


def _integer(bits: int, signed: bool) -> Datatype:
    """Make an integer datatype."""
    least, end = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2 ** bits)
    return Datatype(float(least), float(end), True, f"must be a whole number from {least} to {end - 1}")


def _floating(largest: float) -> Datatype:
    """Make a floating-point datatype."""
    return Datatype(-largest, math.nextafter(largest, math.inf), False, f"must be a number of at most {largest:.8g}")


# Without BOOL and BYTES: booleans and texts are not numbers on any route.
DATATYPES = {
    **{f"INT{bits}": _integer(bits, signed=True) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": _integer(bits, signed=False) for bits in (8, 16, 32, 64)},
    "FP16": _floating(65504.0), "FP32": _floating((2.0 - 2.0 ** -23) * 2.0 ** 127),
    "FP64": _floating(sys.float_info.max)}


class Tensor(NamedTuple):
    """A validated input tensor."""

    name: str
    # one or two lengths
    shape: tuple[int, ...]
    # shape (elements,): row after row
    values: Array
    # whether the body had an array of rows
    nested: bool


class InferenceRequest(NamedTuple):
    """A validated request."""

    # the client's name for it
    id: str | None
    # shape (rows, p): finite
    rows: Array
    # where a row stood in the body, ``{}`` standing for its index
    pointer: str
    # names of the output tensors
    outputs: tuple[str, ...]
    options: StatisticsOptions
    # names of parameters that this server does not have
    ignored: tuple[str, ...]


def read_inference(body: bytes, signature: Signature, fast: bool = True) -> InferenceRequest:
    """Read a request: one tensor of all features with any name, or one tensor per feature, named like it."""
    extracted = extract_arrays(body, signature.width) if fast else None
    if extracted is not None:
        try:
            request = _read_inputs(extracted.rest, signature, extracted.arrays)
            # An ignored parameter may hold an array named data, which only an escaped name could hide from the count.
            if not request.ignored or b"\\" not in body:
                return request
        except InvalidPayload:
            pass  # the strict reader names every fault and its place
    return _read_inputs(body, signature, None)


@one_large_body_at_a_time
def _read_inputs(body: bytes, signature: Signature, arrays: list[Array] | None) -> InferenceRequest:
    """Read a request whose data are in the body, or were cut out of it into arrays."""
    given = read_document(body, inference_shape(signature), 'the member "inputs"')
    values = [None] * len(given["inputs"]) if arrays is None else arrays
    if len(values) != len(given["inputs"]):
        raise InvalidPayload([Fault("#/inputs", "wrong_length", "must each have data")])
    tensors = [_read_tensor(dict(members), f"#/inputs/{index}", numbers)
               for index, (members, numbers) in enumerate(zip(given["inputs"], values, strict=True))]
    reject(_inputs_faults(tensors, signature))
    # each output once, which limits the size of the response
    named = tuple(dict.fromkeys(dict(output)["name"] for output in given.get("outputs", [])))
    outputs, options = _outputs(named, signature.options(given), signature.levels)
    return InferenceRequest(given.get("id"), _rows(tensors, signature), _pointer(tensors, signature), outputs, options,
                            _ignored(given, signature))


def _ignored(given: dict[str, Any], signature: Signature) -> tuple[str, ...]:
    """Name the parameters of a valid request, its inputs and its outputs that are not known, each once."""
    known = _parameter_shapes(signature)
    of_tensors = [dict(tensor).get("parameters") or [] for member in ("inputs", "outputs")
                  for tensor in given.get(member, [])]
    names = [name for name, _ in given.get("parameters", []) if name not in known]
    names += [name for members in of_tensors for name, _ in members if name not in TENSOR_PARAMETERS]
    return tuple(dict.fromkeys(names))


def _parameter_shapes(signature: Signature) -> dict[str, Shape]:
    """Make the shape of each known parameter of a request."""
    return {**signature.parameter_shapes(), "binary_data_output": BOOLEAN, "content_type": TEXT}


def _read_tensor(given: dict[str, Any], at: str, values: Array | None) -> Tensor:
    """Make a tensor of members that have the shape ``TENSOR``."""
    shape = tuple(given["shape"])
    nested = values is None and any(isinstance(item, list) for item in given["data"])
    reject(_length_faults(given["data"] if values is None else values, nested, shape, f"{at}/data"))
    if values is None:
        values = np.array(given["data"], dtype=np.float64).reshape(-1)
    width = shape[1] if nested else 0
    reject(_value_faults(values, DATATYPES[given["datatype"]], width, f"{at}/data"))
    return Tensor(given["name"], shape, values, nested)


def _length_faults(data: Any, nested: bool, shape: tuple[int, ...], at: str) -> Iterator[Fault]:
    """Check the data against the shape."""
    if nested:
        rows = [item if isinstance(item, list) else [] for item in data]
        if len(shape) != 2 or len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
            yield Fault(at, "wrong_length", "must have the rows and columns that the shape says")
    elif len(data) != np.prod(shape, dtype=object):
        yield Fault(at, "wrong_length", f"must have as many numbers as the shape says, not {len(data)}")


def _value_faults(values: Array, datatype: Datatype, width: int, at: str) -> Iterator[Fault]:
    """Check the numbers against the datatype."""
    faulty = (values < datatype.least) | (values >= datatype.end)
    if datatype.whole:
        faulty |= values != np.floor(values)
    for index in np.flatnonzero(faulty)[:MAX_FAULTS].tolist():
        place = f"{index // width}/{index % width}" if width else index
        yield Fault(f"{at}/{place}", "out_of_datatype", datatype.detail)


def _inputs_faults(tensors: list[Tensor], signature: Signature) -> Iterator[Fault]:
    """Check that the tensors are rows of the model's features."""
    rows = tensors[0].shape[0]
    if rows > signature.max_rows:
        yield Fault("#/inputs/0/shape", "too_many_rows", f"must have at most {signature.max_rows} rows")
    elif len(tensors) > 1:
        yield from _columns_faults(tensors, signature)
    elif tensors[0].shape != (rows, signature.width) and (signature.width > 1 or len(tensors[0].shape) > 1):
        yield Fault("#/inputs/0/shape", "wrong_shape", f"must be [rows, {signature.width}]")


def _columns_faults(tensors: list[Tensor], signature: Signature) -> Iterator[Fault]:
    """Check that there is one column per feature."""
    rows, seen = tensors[0].shape[0], set()
    for index, tensor in enumerate(tensors):
        if tensor.name not in signature.features:
            yield Fault(f"#/inputs/{index}/name", "unknown_column",
                        f"must be one of the features {', '.join(signature.features)}")
        elif tensor.name in seen:
            yield Fault(f"#/inputs/{index}/name", "duplicate_column", "must be given once")
        if tensor.shape not in ((rows,), (rows, 1)):
            yield Fault(f"#/inputs/{index}/shape", "wrong_shape", f"must be [{rows}, 1] or [{rows}], like the first")
        seen.add(tensor.name)
    for name in signature.features:
        if name not in seen:
            yield Fault("#/inputs", "missing_column", f"must have a tensor named {name}")


def _rows(tensors: list[Tensor], signature: Signature) -> Array:
    """Make the rows, features in the order of the model."""
    if len(tensors) == 1:
        return tensors[0].values.reshape(-1, signature.width)
    columns = {tensor.name: tensor.values for tensor in tensors}
    return np.column_stack([columns[name] for name in signature.features])


def _pointer(tensors: list[Tensor], signature: Signature) -> str:
    """Say where a row stood; one that is spread over several places has no JSON pointer."""
    if len(tensors) == 1 and (signature.width == 1 or tensors[0].nested):
        return "#/inputs/0/data/{}"
    return "#/inputs row {}"


def _outputs(named: tuple[str, ...], options: StatisticsOptions,
             levels: tuple[float, ...]) -> tuple[tuple[str, ...], StatisticsOptions]:
    """Choose the outputs that the parameters ask for; or, if outputs are named, the statistics that these need."""
    if not named:
        return (PREDICTION, *tensors_for(options)), options
    return named, options_for(named, options, levels, "#/outputs")


def output_tensors(predictor: Predictor, asked: InferenceRequest, prediction: Prediction) -> list[dict[str, Any]]:
    """Make the tensors that a request asks for."""
    columns = {PREDICTION: prediction.values,
               **tensors_of(predictor.compute_statistics(asked.rows, prediction, asked.options))}
    return [{"name": name, "shape": [len(columns[name]), columns[name].size // len(columns[name])],
             "datatype": _datatype(name), "data": np.ascontiguousarray(columns[name]).reshape(-1)}
            for name in asked.outputs]


def output_metadata(width: int) -> list[dict[str, Any]]:
    """Describe every output tensor."""
    by_feature = {name for name, statistic in TENSORS.items() if statistic.by_feature}
    return [{"name": name, "datatype": _datatype(name), "shape": [-1, width if name in by_feature else 1]}
            for name in OUTPUTS]


def _datatype(name: str) -> str:
    """Return the datatype of an output tensor."""
    return TENSORS[name].datatype if name in TENSORS else "FP64"


def _shape_faults(value: Any, at: str) -> Iterator[Fault]:
    """Check the shape of a tensor."""
    lengths = value if is_array(value) else []
    if len(lengths) not in (1, 2) or not all(isinstance(length, int) and not isinstance(length, bool) and length >= 1
                                             for length in lengths):
        yield Fault(at, "wrong_shape", "must be an array of one or two whole numbers above 0, the number of rows first")


def _data_faults(value: Any, at: str) -> Iterator[Fault]:
    """Check the data of a tensor: numbers, or rows of numbers."""
    if not is_array(value):
        yield Fault(at, "not_an_array", "must be an array of numbers")
        return
    for index, item in enumerate(value):
        if is_array(item):
            for column, number in enumerate(item):
                yield from number_faults(number, f"{at}/{index}/{column}")
        else:
            yield from number_faults(item, f"{at}/{index}")


def _array_of(item: Shape, least: int) -> Shape:
    """Make the shape of an array of at least so many items."""
    def faults(value: Any, at: str) -> Iterator[Fault]:
        if not is_array(value):
            yield Fault(at, "not_an_array", "must be an array")
        elif len(value) < least:
            yield Fault(at, "empty", f"must have at least {least}")
        else:
            for index, member in enumerate(value):
                yield from item(member, f"{at}/{index}")

    return Shape(faults, {"type": "array", "items": item.schema, "minItems": least})


TENSOR_PARAMETERS = {"content_type": TEXT, "binary_data": BOOLEAN}
TENSOR = object_shape({
    "name": TEXT,
    "shape": Shape(_shape_faults, {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1,
                                   "maxItems": 2}),
    "datatype": one_of(DATATYPES, "unknown_datatype"),
    "data": Shape(_data_faults, {"type": "array", "items": {
        "anyOf": [NUMBER.schema, {"type": "array", "items": NUMBER.schema}]}}),
    "parameters": object_shape(TENSOR_PARAMETERS, is_open=True),
}, required=("name", "shape", "datatype", "data"))


@once_per_model
def inference_shape(signature: Signature) -> Shape:
    """Make the shape of ``{"id", "parameters", "inputs": [...], "outputs": [...]}``."""
    output = object_shape({"name": one_of(OUTPUTS, "unknown_output"),
                           "parameters": object_shape(TENSOR_PARAMETERS, is_open=True)}, ("name",))
    # KServe's own client repeats model and version in the body; the path decides.
    return object_shape({"id": TEXT, "model_name": TEXT, "model_version": TEXT,
                         "parameters": object_shape(_parameter_shapes(signature), is_open=True),
                         "inputs": _array_of(TENSOR, least=1), "outputs": _array_of(output, least=0)},
                        required=("inputs",))
