"""Limits that the description states in words, because JSON Schema cannot: valid Schemathesis cases respect them."""

from __future__ import annotations

from typing import Any, TypeAlias

import schemathesis
from schemathesis import GenerationMode

Case: TypeAlias = schemathesis.Case[Any]

# Up to this number every prediction and statistic of the test's model is a float64.
LARGEST = 1e100
EXACT_INTEGERS = 2 ** 53
# MAX_ROWS of the test's server.
MOST_ROWS = 20


def numbers(value: Any) -> list[float]:
    """Return every number in a body."""
    if isinstance(value, dict):
        return numbers(list(value.values()))
    if isinstance(value, list):
        return [number for part in value for number in numbers(part)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def is_valid(case: Case) -> bool:
    """Whether a request should be accepted."""
    return case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: Case) -> bool:
    """Leave out numbers that overflow float64."""
    return not is_valid(case) or all(abs(number) <= (EXACT_INTEGERS if isinstance(number, int) else LARGEST)
                                     for number in numbers(case.body))


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: Case, __: dict[str, Any]) -> None:
    """Give tensors the shape of their data and tables a header, after the stateful phase has merged its own fields."""
    body: Any = case.body
    if is_valid(case) and case.path.endswith("/infer") and isinstance(body, dict):
        case.body = {**body, "inputs": [consistent(body["inputs"][0])]}
    elif is_valid(case) and case.media_type == "text/csv":
        case.body = "bmi\n0.05\n-1e-3\n"


def consistent(tensor: dict[str, Any]) -> dict[str, Any]:
    """Return a tensor of the same numbers with a matching shape and datatype."""
    data = numbers(tensor["data"])[:MOST_ROWS] or [0.5]
    return {**tensor, "datatype": "FP64", "shape": [len(data), 1][:len(tensor["shape"])], "data": data}
