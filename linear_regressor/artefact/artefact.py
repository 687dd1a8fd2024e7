"""``Artefact``: everything that serving gets from training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.plain_values import (
    digest_of,
    limits_from_plain,
    limits_to_plain,
    members,
    moments_from_plain,
    moments_to_plain,
    number,
    numbers,
    text,
    texts,
    verify,
)
from linear_regressor.artefact.profile import Profile
from linear_regressor.cleaning.steps import RowCleaning, ValueStep, steps_to_plain, value_steps
from linear_regressor.cleaning.steps_file import steps_from_plain
from linear_regressor.errors import ArtefactError
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]

# Format 1 has no profile, and format 3, which older programs reject, has cleaning steps.
KEYS = {"format", "features", "target", "W", "b", "moments", "minimum", "maximum", "quantiles", "card"}
FORMATS = {1: KEYS, 2: KEYS | {"profile"}, 3: KEYS | {"profile", "cleaning"}}
QUANTILES = {"levels", "t", "f"}


@dataclass(frozen=True, eq=False)
class Artefact:
    """A trained model with the moments of its training rows."""

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
    # shape (p,): smallest and largest value of each feature in training; both None after unlearning, because the
    # removed rows may have had them
    minimum: Array | None
    maximum: Array | None
    # ``{"levels": [...], "t": [...], "f": [...]}``: for each level in (0, 1) the two-sided quantile of Student's t
    # with n - p - 1 degrees of freedom and the quantile of F(p, n - p); empty lists for too few rows
    quantiles: dict[str, list[float]]
    # metadata as plain values: settings, metrics, data, environment
    card: dict[str, Any]
    # bins and counts of each feature in training; None after unlearning, and for a model of format 1
    profile: Profile | None = None
    # steps that rows pass before they are predicted, and their target before it is compared; those of training
    cleaning: tuple[ValueStep, ...] = ()

    def __post_init__(self) -> None:
        """Check that the parts match, and make the numbers read-only float64: equal values have equal digests."""
        p = len(self.features)
        limits = [name for name in ("minimum", "maximum") if getattr(self, name) is not None]
        if len(limits) == 1:
            raise ArtefactError("minimum and maximum must both be given, or neither")
        for name in ("W", *limits):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.shape != (p,) or not np.isfinite(values).all():
                raise ArtefactError(f"{name} must be {p} finite numbers, one per feature")
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        object.__setattr__(self, "b", float(self.b))
        if not all(isinstance(name, str) for name in (*self.features, self.target)):
            raise ArtefactError("feature names and target name must be strings")
        if self.moments.p != p or p == 0:
            raise ArtefactError(f"the moments have {self.moments.p} features, not {p}")
        if self.profile is not None and len(self.profile.edges) != p:
            raise ArtefactError(f"the profile has {len(self.profile.edges)} features, not {p}")
        if self.cleaning != value_steps(self.cleaning, (*self.features, self.target)):
            raise ArtefactError("a cleaning step is not of a feature or of the target")
        if not np.isfinite(self.b):
            raise ArtefactError("b must be a finite number")
        if set(self.quantiles) != QUANTILES or len({len(v) for v in self.quantiles.values()}) != 1:
            raise ArtefactError("the quantile table must have one t and one f per level")
        quantiles = {name: [float(value) for value in column] for name, column in self.quantiles.items()}
        object.__setattr__(self, "quantiles", quantiles)

    @property
    def limits(self) -> list[tuple[float | None, float | None]]:
        """Smallest and largest value of each feature in training, in order; None for unknown."""
        if self.minimum is None or self.maximum is None:
            return [(None, None)] * len(self.features)
        return list(zip(self.minimum.tolist(), self.maximum.tolist(), strict=True))

    @property
    def row_cleaning(self) -> RowCleaning:
        """The cleaning steps, for rows of numbers."""
        return RowCleaning(self.features, self.target, self.cleaning)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the plain values, 64 hexadecimal digits."""
        return digest_of(self._values())

    def to_plain(self) -> dict[str, Any]:
        """Return the artefact as plain values with their digest."""
        return {**self._values(), "sha256": self.digest}

    def _values(self) -> dict[str, Any]:
        """Return everything but the digest as plain values."""
        profile = {"format": 1} if self.profile is None else {"format": 2, "profile": self.profile.to_plain()}
        if self.cleaning:
            profile = {"format": 3, "profile": profile.get("profile"), "cleaning": steps_to_plain(self.cleaning)}
        return {**profile, "features": list(self.features), "target": self.target, "W": self.W.tolist(),
                "b": self.b, "moments": moments_to_plain(self.moments), "minimum": limits_to_plain(self.minimum),
                "maximum": limits_to_plain(self.maximum), "quantiles": self.quantiles, "card": self.card}

    @classmethod
    def from_plain(cls, plain: Any) -> Artefact:
        """Build an artefact from plain values; any invalid content is an ArtefactError."""
        values = verify(plain, "model", FORMATS)
        quantiles = members(values["quantiles"], "quantiles", QUANTILES)
        if not isinstance(values["card"], dict):
            raise ArtefactError("card is not an object")
        features, target = texts(values["features"], "features"), text(values["target"], "target")
        profile = values.get("profile")
        steps = steps_from_plain(values.get("cleaning", []), (*features, target))
        return cls(features, target, numbers(values["W"], "W"),
                   number(values["b"], "b"), moments_from_plain(values["moments"]),
                   limits_from_plain(values["minimum"], "minimum"), limits_from_plain(values["maximum"], "maximum"),
                   {name: numbers(column, f"quantiles {name}").tolist() for name, column in quantiles.items()},
                   values["card"], None if profile is None and "cleaning" in values or "profile" not in values else
                   Profile.from_plain(profile), value_steps(steps, (*features, target)))
