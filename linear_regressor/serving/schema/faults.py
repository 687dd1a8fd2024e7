"""Faults of a request body, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from linear_regressor.errors import DataError

MAX_FAULTS = 20


class Fault(NamedTuple):
    """One fault of a body; it never repeats a value from the body."""

    # JSON pointer in URI fragment form, such as ``#/instances/3/0``
    pointer: str
    # for programs
    code: str
    # for people: what the value must be
    detail: str


class InvalidPayload(DataError):
    """A body that cannot be used: not JSON, not an object, or an object that breaks the contract."""

    def __init__(self, faults: Iterable[Fault], well_formed: bool = True) -> None:
        self.faults = tuple(islice(faults, MAX_FAULTS))
        # whether it is JSON of the right type, so that only its content is wrong
        self.well_formed = well_formed
        super().__init__("; ".join(f"{fault.pointer} {fault.detail}" for fault in self.faults))


def reject(faults: Iterator[Fault]) -> None:
    """Raise ``InvalidPayload`` if there are faults; looks for at most ``MAX_FAULTS``."""
    first = tuple(islice(faults, MAX_FAULTS))
    if first:
        raise InvalidPayload(first)
