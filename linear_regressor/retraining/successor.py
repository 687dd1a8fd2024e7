"""The model that follows the champion: what its file says of the rows that it learned from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.profile import Profile
from linear_regressor.model.descent import Fit
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.training.config import highest_outside_share, quantile_table
from linear_regressor.training.refit import card_of

Array = NDArray[np.float64]

FAILURE = "the model cannot be retrained"


@dataclass(frozen=True, eq=False)
class RowLimits:
    """Smallest and largest values of the features, and how many of their values are in each bin of the champion."""

    # shape (p,); None if not all rows could be read
    minimum: Array | None
    maximum: Array | None
    # None if the champion has none
    profile: Profile | None

    @classmethod
    def of(cls, champion: Artefact, keeps_rows: bool, rows: Iterable[tuple[Array, Array]], count: float) -> RowLimits:
        """Read new rows; the champion's rows may be kept, and ``count`` tells whether new ones have been deleted.

        Bins count the rows that can be read; without any, they are the champion's.
        """
        profile = champion.profile if keeps_rows or champion.profile is None else _empty(champion.profile)
        lowest, highest, read = [], [], 0
        if keeps_rows and champion.minimum is not None and champion.maximum is not None:
            lowest, highest = [champion.minimum], [champion.maximum]
        known = not keeps_rows or len(lowest) > 0
        for X, _ in rows:
            if len(X):
                lowest.append(X.min(axis=0))
                highest.append(X.max(axis=0))
                profile, read = profile and profile.with_rows(X, profile.highest_outside_share), read + len(X)
        if not keeps_rows and read == 0:
            profile = champion.profile
        if not known or read != count:
            return cls(None, None, profile)
        return cls(np.min(lowest, axis=0), np.max(highest, axis=0), profile)


def successor(champion: Artefact, moments: Moments, fit: Fit, limits: RowLimits, generation: int) -> Artefact:
    """Make the model of the champion's recipe on the rows of these moments; its card is that of ``card_of``."""
    freedom, profile = moments.n - moments.p - 1.0, limits.profile
    if profile is not None:
        share = highest_outside_share(freedom, AlarmRule(generation=generation).uncertainty) if freedom > 0 else None
        profile = replace(profile, highest_outside_share=share)
    return replace(champion, W=fit.W, b=fit.b, moments=moments, minimum=limits.minimum, maximum=limits.maximum,
                   quantiles=quantile_table(moments.n, moments.p), card=card_of(champion, moments, fit),
                   profile=profile)


def _empty(profile: Profile) -> Profile:
    """The same bins without rows."""
    return replace(profile, counts=tuple(np.zeros_like(counts) for counts in profile.counts))
