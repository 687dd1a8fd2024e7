"""What can be wrong with a body, said so that a program and a person can act on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from linear_regressor.errors import DataError

MOST_FAULTS = 20


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a body; it never holds the value that was sent.

    Parameters
    ----------
    pointer : str
        Where: a JSON pointer in URI fragment form, such as ``#/instances/3/0``.
    code : str
        What, for programs.
    detail : str
        What is wanted, for people.

    References
    ----------
    RFC 6901, section 6 (pointers); RFC 9457, section 3 (the form of the errors member).
    """

    pointer: str
    code: str
    detail: str


class InvalidPayload(DataError):
    """A body cannot be used: not JSON of the right type, or JSON that breaks the contract.

    Parameters
    ----------
    faults : iterable of Fault
        What is wrong; the first ``MOST_FAULTS`` are kept.
    well_formed : bool
        Whether the body is JSON of the right type whose content is at fault.
    """

    def __init__(self, faults: Iterable[Fault], well_formed: bool = True) -> None:
        self.faults = tuple(islice(faults, MOST_FAULTS))
        self.well_formed = well_formed
        super().__init__("; ".join(f"{fault.pointer} {fault.detail}" for fault in self.faults))


def refuse(faults: Iterator[Fault]) -> None:
    """Raise ``InvalidPayload`` if there is any fault, looking no further than ``MOST_FAULTS``.

    Parameters
    ----------
    faults : iterator of Fault
        Faults, found as they are asked for.

    Raises
    ------
    InvalidPayload
        If there is at least one.

    Examples
    --------
    >>> refuse(iter([]))
    >>> refuse(iter([Fault("#/instance", "missing", "is required")]))
    Traceback (most recent call last):
    linear_regressor.serving.schema.faults.InvalidPayload: #/instance is required
    """
    found = tuple(islice(faults, MOST_FAULTS))
    if found:
        raise InvalidPayload(found)
