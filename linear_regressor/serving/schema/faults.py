"""What can be wrong with a body, said so that a program and a person can act on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from linear_regressor.errors import DataError

MOST_FAULTS = 20


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a body; it never holds the value that was sent."""

    # where: a JSON pointer in URI fragment form, such as ``#/instances/3/0``
    pointer: str
    # what, for programs
    code: str
    # what is wanted, for people
    detail: str


class InvalidPayload(DataError):
    """A body cannot be used: not JSON of the right type, or JSON that breaks the contract."""

    def __init__(self, faults: Iterable[Fault], well_formed: bool = True) -> None:
        self.faults = tuple(islice(faults, MOST_FAULTS))
        self.well_formed = well_formed
        super().__init__("; ".join(f"{fault.pointer} {fault.detail}" for fault in self.faults))


def refuse(faults: Iterator[Fault]) -> None:
    """Raise ``InvalidPayload`` if there is any fault, looking no further than ``MOST_FAULTS``."""
    found = tuple(islice(faults, MOST_FAULTS))
    if found:
        raise InvalidPayload(found)
