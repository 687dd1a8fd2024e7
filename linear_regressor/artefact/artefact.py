"""``Artefact``: everything that training promises to serving."""

from __future__ import annotations

import hashlib
import json
import reprlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import ArtefactError
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Artefact:
    """A trained line with the moments it came from."""

    # names of the p features, in order
    features: tuple[str, ...]
    # name of the target
    target: str
    # shape (p,): slopes
    W: Array
    # intercept
    b: float
    # moments of the training rows
    moments: Moments
    # shape (p,): smallest and largest value of each feature in training; both None once rows have been unlearned,
    # because the moments cannot tell whether the smallest and the largest were among them
    minimum: Array | None
    # shape (p,): smallest and largest value of each feature in training; both None once rows have been unlearned,
    # because the moments cannot tell whether the smallest and the largest were among them
    maximum: Array | None
    # ``{"levels": [...], "t": [...], "f": [...]}``: for each level in (0, 1) the two-sided quantile of Student's t
    # with n - p - 1 degrees of freedom and the quantile of F(p, n - p); empty lists where there are too few rows
    quantiles: dict[str, list[float]]
    # facts for people: settings, metrics, data, environment; plain values only
    card: dict[str, Any]

    def __post_init__(self) -> None:
        """Check the parts against each other, and make the numbers unchangeable float64: equal values, equal digest."""
        p = len(self.features)
        limits = [name for name in ("minimum", "maximum") if getattr(self, name) is not None]
        if len(limits) == 1:
            raise ArtefactError("minimum and maximum must both be there, or neither")
        for name in ("W", *limits):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.shape != (p,) or not np.isfinite(values).all():
                raise ArtefactError(f"{name} must be {p} finite numbers, one a feature")
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        object.__setattr__(self, "b", float(self.b))
        if not all(isinstance(name, str) for name in (*self.features, self.target)):
            raise ArtefactError("the names of the features and of the target must be strings")
        if self.moments.p != p or p == 0:
            raise ArtefactError(f"the moments are of {self.moments.p} features, not of {p}")
        if not np.isfinite(self.b):
            raise ArtefactError("b must be a finite number")
        if set(self.quantiles) != {"levels", "t", "f"} or len({len(v) for v in self.quantiles.values()}) != 1:
            raise ArtefactError("the quantile table must have as many t and f as levels")
        quantiles = {name: [float(value) for value in column] for name, column in self.quantiles.items()}
        object.__setattr__(self, "quantiles", quantiles)

    @property
    def limits(self) -> list[tuple[float | None, float | None]]:
        """Smallest and largest value of each feature in training, in order; None where that is no longer known."""
        if self.minimum is None or self.maximum is None:
            return [(None, None)] * len(self.features)
        return list(zip(self.minimum.tolist(), self.maximum.tolist(), strict=True))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the plain values in canonical form, 64 hexadecimal digits."""
        return digest_of(self._values())

    def to_plain(self) -> dict[str, Any]:
        """Give the artefact as plain values, with the digest that proves them."""
        return {**self._values(), "sha256": self.digest}

    def _values(self) -> dict[str, Any]:
        """Everything but the digest, as plain values."""
        moments = {"n": self.moments.n, "m": self.moments.m.tolist(), "C": self.moments.C.tolist()}
        return {"format": FORMAT, "features": list(self.features), "target": self.target, "W": self.W.tolist(),
                "b": self.b, "moments": moments, "minimum": _listed(self.minimum), "maximum": _listed(self.maximum),
                "quantiles": self.quantiles, "card": self.card}

    @classmethod
    def from_plain(cls, plain: Any) -> Artefact:
        """Check plain values and make them an artefact."""
        if not isinstance(plain, dict) or "format" not in plain:
            raise ArtefactError("it is not a model of this program")
        try:
            if plain["format"] != FORMAT:
                other = reprlib.repr(plain["format"])
                raise ArtefactError(f"it has format {other}, and this program reads format {FORMAT}")
            values = {key: value for key, value in plain.items() if key != "sha256"}
            if plain.get("sha256") != digest_of(values):
                raise ArtefactError("its digest does not match its content: the file is damaged or was changed")
            return cls._from_values(values)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
            raise ArtefactError(f"a part of it is missing or has the wrong form ({error})") from None

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Artefact:
        """Turn checked plain values into arrays."""
        moments = values["moments"]
        return cls(tuple(values["features"]), values["target"], np.array(values["W"], dtype=np.float64),
                   float(values["b"]), Moments(moments["n"], np.array(moments["m"]), np.array(moments["C"])),
                   values["minimum"], values["maximum"], values["quantiles"], values["card"])


def _listed(values: Array | None) -> list[float] | None:
    """Write numbers as a list, where there are any."""
    return None if values is None else values.tolist()


def digest_of(plain: dict[str, Any]) -> str:
    """SHA-256 of plain values in canonical form: JSON with sorted keys, no blanks, shortest numbers that read back."""
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
